namespace DpAttn.Cluster;

/// <summary>A stored segment that waits for its batch to be committed.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.SegmentReference)]
internal sealed record SegmentReference(
    [property: Id(0)] string Blob,
    [property: Id(1)] int Shard,
    [property: Id(2)] int FirstRow,
    [property: Id(3)] int Rows,
    [property: Id(4)] int Slots,
    [property: Id(5)] int Bytes,
    [property: Id(6)] string Digest);

/// <summary>All segments of a batch, to be committed together.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.BatchCommit)]
internal sealed record BatchCommit(
    [property: Id(0)] string Batch,
    [property: Id(1)] string BatchKey,
    [property: Id(2)] string Fingerprint,
    [property: Id(3)] SegmentReference[] Segments);

/// <summary>Where a batch stands.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.BatchReceipt)]
internal sealed record BatchReceipt(
    [property: Id(0)] long FirstSlot,
    [property: Id(1)] int Slots,
    [property: Id(2)] bool IsReplay);

/// <summary>Asks for a release.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.PublishCommand)]
internal sealed record PublishCommand(
    [property: Id(0)] string Actor,
    [property: Id(1)] double[]? Ladder,
    [property: Id(2)] string? Request);

/// <summary>How far a shard is with its sums; a failure is one that no retry can mend.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.ShardProgress)]
internal sealed record ShardProgress(
    [property: Id(0)] int SegmentsDone,
    [property: Id(1)] int Segments,
    [property: Id(2)] bool IsDone,
    [property: Id(3)] long Slots,
    [property: Id(4)] string? Failure,
    [property: Id(5)] byte[]? Digest = null);
