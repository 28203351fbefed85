namespace DpAttn.Cluster;

/// <summary>One shard: its segments and their exact sums. Keyed by incarnation/ordinal. The only numbers that leave it are integer sums, to where the noise is added.</summary>
[Alias(WireNames.ShardGrain)]
internal interface IShardGrain : IGrainWithStringKey
{
    /// <summary>Stores a segment, if none of that id is stored.</summary>
    /// <returns>SHA-256 of what is stored: another one's, if another came first.</returns>
    [Alias("Store")]
    Task<string> StoreAsync(string blob, ReadOnlyMemory<byte> segment, CancellationToken cancellationToken);

    /// <summary>Writes a segment anew without one row, under a new id.</summary>
    [Alias("Erase")]
    Task<SegmentReference> EraseAsync(string blob, string newBlob, int row, bool keepsSlot, CancellationToken cancellationToken);

    /// <summary>The exact sums of a request's queries over exactly one row set of a per-query store. Rows are loaded first, where they are not.</summary>
    /// <exception cref="ProblemException">rows_changed, busy or shard_unavailable.</exception>
    [Alias("SumQueries")]
    Task<LongBlock> SumQueriesAsync(QuerySumsCommand command, CancellationToken cancellationToken);

    /// <summary>Starts to sum a release's segments, if that is not under way, and says how far it is.</summary>
    [Alias("Sum")]
    Task<ShardProgress> SumAsync(string release, CancellationToken cancellationToken);

    /// <summary>A piece of the finished sums of a release, or of the frozen blocks that a key names.</summary>
    [Alias("Read")]
    Task<LongBlock> ReadAsync(string release, int start, int count, CancellationToken cancellationToken);

    /// <summary>The finished sums, block by block, of those of the blocks [from, to) that hold slots of this shard, in their order: of a release of all levels.</summary>
    [Alias("ReadBlocks")]
    Task<PartSums> ReadBlocksAsync(string release, long from, long to, CancellationToken cancellationToken);

    /// <summary>What freezes some rows of a segment in a block of a continual release.</summary>
    [Alias("Slice")]
    Task<SegmentSlice> SliceAsync(SliceCommand command, CancellationToken cancellationToken);

    /// <summary>Starts to sum this shard's rows of frozen blocks of a continual release, if that is not under way, and says how far it is.</summary>
    [Alias("SumFrozen")]
    Task<ShardProgress> SumFrozenAsync(BlockSumCommand command, CancellationToken cancellationToken);

    /// <summary>The exact sums of some parts of a published release that answers from its shards. For its coordinator only, which adds their noise.</summary>
    /// <exception cref="ProblemException">not_found, busy or invalid_request.</exception>
    [Alias("ReadParts")]
    Task<PartSums> ReadPartsAsync(string release, LongBlock parts, CancellationToken cancellationToken);

    /// <summary>Forgets the sums of a release that is published, or retired; or those of the frozen blocks that a key names.</summary>
    [Alias("Forget")]
    Task ForgetAsync(string release, CancellationToken cancellationToken);
}
