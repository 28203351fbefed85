namespace DpAttn.Cli.Files;

/// <summary>
/// Rows in a file, read from its beginning to its end in blocks of float32. Numbers of another type are rounded to it, the type that rows
/// are sent in. Memory is bounded by the block and the format's own unit, never by the file.
/// </summary>
internal abstract class RowFile : IDisposable
{
    /// <summary>What messages call it.</summary>
    public abstract string Name { get; }

    /// <summary>d.</summary>
    public abstract int KeyDimension { get; }

    /// <summary>dv.</summary>
    public abstract int ValueDimension { get; }

    /// <summary>How much there is to read, in a unit of the reader's own.</summary>
    public abstract long Length { get; }

    /// <summary>How much is read, in the same unit.</summary>
    public abstract long Position { get; }

    /// <summary>Fills a block with the next rows; none is the end.</summary>
    /// <exception cref="RowFileException">The file is not what it should be.</exception>
    public abstract ValueTask ReadAsync(RowBlock block, CancellationToken cancellationToken);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Refuses dimensions that no store has.</summary>
    protected static int RequireDimension(string name, string what, long dimension, RowFileLimits limits) =>
        dimension >= 1 && dimension <= limits.Dimension
            ? (int)dimension
            : throw new RowFileException(name, $"{what} have {dimension} columns; 1 to {limits.Dimension} are allowed");
}
