namespace DpAttn.Cli.Files;

/// <summary>A matrix that is read row by row.</summary>
internal interface IMatrixSource : IDisposable
{
    /// <summary>What messages call it.</summary>
    string Name { get; }

    /// <summary>Rows.</summary>
    long Rows { get; }

    /// <summary>Columns.</summary>
    int Columns { get; }

    /// <summary>Reads the next rows, of which there are enough.</summary>
    /// <exception cref="RowFileException">The file ends too early.</exception>
    void Read(Span<float> to);

    /// <summary>Called behind the last row.</summary>
    /// <exception cref="RowFileException">Something follows that should not.</exception>
    void RequireEnd();
}
