namespace DpAttn.Attention;

/// <summary>
/// Private rows in their slots: n keys (n x d) and n values (n x dv), float32 or float64 as they came. A slot may be null
/// under add-remove; it keeps its place and contributes nothing.
/// </summary>
public abstract class RowSet
{
    private readonly bool[]? _isNull;

    private protected RowSet(int count, int keyDimension, int valueDimension, bool[]? isNull)
    {
        if (isNull is not null && isNull.Length != count)
            throw new ArgumentException($"{isNull.Length} null marks for {count} slots", nameof(isNull));
        (Count, KeyDimension, ValueDimension, _isNull) = (count, keyDimension, valueDimension, isNull);
    }

    /// <summary>Slots, null ones included.</summary>
    public int Count { get; }

    /// <summary>d.</summary>
    public int KeyDimension { get; }

    /// <summary>dv.</summary>
    public int ValueDimension { get; }

    /// <summary>Whether any slot may be null.</summary>
    public bool HasNullSlots => _isNull is not null;

    /// <summary>Rows over a pair of matrices, without copying them.</summary>
    /// <param name="keys">n x d.</param>
    /// <param name="values">n x dv.</param>
    /// <param name="isNull">Which slots are null, or null for none.</param>
    /// <exception cref="ArgumentException">Different numbers of rows, no columns, or no slots.</exception>
    public static RowSet Create<TKey, TValue>(Matrix<TKey> keys, Matrix<TValue> values, bool[]? isNull = null)
        where TKey : unmanaged, System.Numerics.INumberBase<TKey>
        where TValue : unmanaged, System.Numerics.INumberBase<TValue>
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        RequireFloating<TKey>("keys");
        RequireFloating<TValue>("values");
        if (keys.Rows != values.Rows)
            throw new ArgumentException($"{keys.Rows} keys but {values.Rows} values: every row needs both", nameof(values));
        if (keys.Columns == 0 || values.Columns == 0)
            throw new ArgumentException($"keys have {keys.Columns} and values {values.Columns} columns; both need at least 1", nameof(keys));
        if (keys.Rows == 0)
            throw new ArgumentException("a row set needs at least one slot", nameof(keys));
        return new Typed<TKey, TValue>(keys, values, isNull);
    }

    /// <summary>Whether a slot is null.</summary>
    public bool IsNull(int slot) => _isNull is not null && _isNull[slot];

    /// <summary>The slots from <paramref name="start"/> on, without copying.</summary>
    public RowSet Slice(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count - start);
        return new Window(this, start, count);
    }

    /// <summary>Widens a slot's key and value to double, exactly.</summary>
    internal abstract void CopyTo(int slot, Span<double> key, Span<double> value);

    private static void RequireFloating<T>(string what)
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
            throw new ArgumentException($"{what} must be float32 or float64, not {typeof(T).Name}");
    }

    private sealed class Typed<TKey, TValue>(Matrix<TKey> keys, Matrix<TValue> values, bool[]? isNull)
        : RowSet(keys.Rows, keys.Columns, values.Columns, isNull)
        where TKey : unmanaged, System.Numerics.INumberBase<TKey>
        where TValue : unmanaged, System.Numerics.INumberBase<TValue>
    {
        internal override void CopyTo(int slot, Span<double> key, Span<double> value)
        {
            Widen(keys.Row(slot), key);
            Widen(values.Row(slot), value);
        }

        private static void Widen<T>(ReadOnlySpan<T> from, Span<double> to)
            where T : unmanaged, System.Numerics.INumberBase<T>
        {
            for (var i = 0; i < from.Length; i++)
                to[i] = double.CreateTruncating(from[i]);
        }
    }

    private sealed class Window(RowSet rows, int start, int count)
        : RowSet(count, rows.KeyDimension, rows.ValueDimension, rows._isNull?.AsSpan(start, count).ToArray())
    {
        internal override void CopyTo(int slot, Span<double> key, Span<double> value) => rows.CopyTo(start + slot, key, value);
    }
}
