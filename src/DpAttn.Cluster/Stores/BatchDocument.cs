namespace DpAttn.Cluster;

/// <summary>A committed batch: what a retry of it is told.</summary>
internal sealed record BatchDocument : IFormatted
{
    public int Format { get; init; } = 1;

    /// <summary>The id that the owner gave.</summary>
    public required string Batch { get; init; }

    /// <summary>A keyed hash of the rows as they were sent. It outlives their erasure and tells nothing without the key.</summary>
    public required string Fingerprint { get; init; }

    public required long FirstSlot { get; init; }

    public required int Slots { get; init; }

    public required long FirstSegment { get; init; }

    public required int Segments { get; init; }
}

/// <summary>A committed segment.</summary>
internal sealed record SegmentDocument : IFormatted
{
    public int Format { get; init; } = 1;

    /// <summary>The blob's id.</summary>
    public required string Blob { get; init; }

    public required int Shard { get; init; }

    /// <summary>Rows of the batch before this segment.</summary>
    public required int FirstRow { get; init; }

    /// <summary>Rows as they were sent.</summary>
    public required int Rows { get; init; }

    /// <summary>Slots that count: less than the rows where rows were erased under replace-one.</summary>
    public required int Slots { get; init; }

    public required int Bytes { get; init; }

    /// <summary>SHA-256 of the blob, lower-case hexadecimal.</summary>
    public required string Digest { get; init; }

    public static SegmentDocument Of(SegmentReference segment) => new()
    {
        Blob = segment.Blob,
        Shard = segment.Shard,
        FirstRow = segment.FirstRow,
        Rows = segment.Rows,
        Slots = segment.Slots,
        Bytes = segment.Bytes,
        Digest = segment.Digest,
    };
}
