namespace DpAttn.Attention;

/// <summary>A dense row-major matrix over one array.</summary>
/// <typeparam name="T">The element type.</typeparam>
public sealed class Matrix<T>
    where T : unmanaged
{
    /// <summary>Wraps an array without copying it.</summary>
    /// <param name="rows">Rows, at least 0.</param>
    /// <param name="columns">Columns, at least 0.</param>
    /// <param name="data">rows x columns elements, row after row.</param>
    /// <exception cref="ArgumentException">The array's length is not rows x columns.</exception>
    public Matrix(int rows, int columns, T[] data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentNullException.ThrowIfNull(data);
        if ((long)rows * columns != data.Length)
            throw new ArgumentException($"a matrix of {rows} x {columns} needs {(long)rows * columns} elements, not {data.Length}", nameof(data));
        (Rows, Columns, Data) = (rows, columns, data);
    }

    /// <summary>A matrix of zeros.</summary>
    /// <exception cref="ArgumentException">More elements than one array can hold.</exception>
    public Matrix(int rows, int columns) : this(rows, columns, new T[RequireLength(rows, columns)])
    {
    }

    /// <summary>Rows.</summary>
    public int Rows { get; }

    /// <summary>Columns.</summary>
    public int Columns { get; }

    /// <summary>The elements, row after row.</summary>
    public T[] Data { get; }

    /// <summary>One row.</summary>
    public Span<T> Row(int row) => Data.AsSpan(checked((int)((long)row * Columns)), Columns);

    /// <summary>One element.</summary>
    public ref T this[int row, int column] => ref Row(row)[column];

    private static int RequireLength(int rows, int columns)
    {
        var length = (long)rows * columns;
        return length >= 0 && length <= Array.MaxLength
            ? (int)length
            : throw new ArgumentException($"a matrix of {rows} x {columns} has {length} elements; one array holds at most {Array.MaxLength}");
    }
}
