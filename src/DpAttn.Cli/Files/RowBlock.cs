namespace DpAttn.Cli.Files;

/// <summary>Room for a few rows, filled again and again.</summary>
internal sealed class RowBlock(int capacity, int keyDimension, int valueDimension)
{
    private readonly float[] _keys = new float[capacity * keyDimension];
    private readonly float[] _values = new float[capacity * valueDimension];

    /// <summary>Rows at most.</summary>
    public int Capacity => capacity;

    /// <summary>Rows in it.</summary>
    public int Count { get; set; }

    /// <summary>d.</summary>
    public int KeyDimension => keyDimension;

    /// <summary>dv.</summary>
    public int ValueDimension => valueDimension;

    public Memory<float> Key(int row) => _keys.AsMemory(row * keyDimension, keyDimension);

    public Memory<float> Value(int row) => _values.AsMemory(row * valueDimension, valueDimension);

    /// <summary>The first keys, row after row.</summary>
    public Span<float> Keys(int rows) => _keys.AsSpan(0, rows * keyDimension);

    /// <summary>The first values, row after row.</summary>
    public Span<float> Values(int rows) => _values.AsSpan(0, rows * valueDimension);

    /// <summary>A block of about a megabyte for rows of these dimensions.</summary>
    public static RowBlock For(RowFile file) =>
        new((int)Math.Clamp((1L << 18) / ((long)file.KeyDimension + file.ValueDimension), 1, 4096), file.KeyDimension, file.ValueDimension);
}
