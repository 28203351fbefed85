namespace DpAttn.Cluster;

/// <summary>A frozen block of a continual release in the catalog. Inserted once and never changed.</summary>
internal sealed record BlockDocument : IFormatted
{
    public int Format { get; init; } = 1;

    /// <summary>Counted from 0.</summary>
    public required long Block { get; init; }

    /// <summary>Slots that count in the blocks before it.</summary>
    public required long FirstSlot { get; init; }

    /// <summary>Slots that count in it.</summary>
    public required int Slots { get; init; }

    /// <summary>SHA-256 of its content's bytes, lower-case hexadecimal: what the noise of every node above it is bound to.</summary>
    public required string Content { get; init; }

    public required int ContentBytes { get; init; }
}
