using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>Names one row set of a store: rows only come as segments of a higher ordinal, and only change by erasures, which are counted.</summary>
/// <param name="Segments">All segments of a lower ordinal are in it.</param>
/// <param name="Erasures">Rows erased before.</param>
internal readonly record struct RowVersion(long Segments, long Erasures)
{
    public static RowVersion Of(StoreDocument store) => new(store.NextSegment, store.Erasures);

    /// <summary>Whether this is the same set or a later one.</summary>
    public bool IsAtLeast(RowVersion other) => Segments >= other.Segments && Erasures >= other.Erasures;
}

/// <summary>All committed rows of a store at one moment: what a per-query answer is of.</summary>
internal sealed class RowSnapshot(StoreId store, RowVersion version, IReadOnlyList<ManifestSegment> segments, byte[] digest)
{
    private readonly Lazy<ILookup<int, ManifestSegment>> _byShard = new(() => segments.ToLookup(segment => segment.Shard));

    public StoreId Store => store;

    public RowVersion Version => version;

    /// <summary>Slots that count, null ones included: public.</summary>
    public long Slots { get; } = segments.Sum(segment => (long)segment.Slots);

    /// <summary>Binds noise to exactly these rows. Keyed with the store's secret.</summary>
    public byte[] Digest => digest;

    public IReadOnlyList<ManifestSegment> Segments => segments;

    public IEnumerable<ManifestSegment> OfShard(int shard) => _byShard.Value[shard];
}
