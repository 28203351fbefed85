using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The silo's knowledge of which segments the row sets of per-query stores consist of. A set never changes once it is named, so nothing here is ever stale; of a
/// store that grew only the new segments are read.
/// </summary>
internal sealed class RowSets(ICatalog catalog, StoreSecrets secrets)
{
    private const int MostStores = 1000;
    private const int MostSnapshots = 4;
    private const int Page = 500;
    private readonly ConcurrentDictionary<StoreId, Known> _stores = new();

    /// <summary>The row set of a store as its row says, or a later one when rows were erased while it was read.</summary>
    public async Task<RowSnapshot> GetAsync(StoreDocument document, CancellationToken cancellationToken)
    {
        for (var tried = 0; tried < Contention.MostAttempts; tried++)
        {
            if (await TryGetAsync(document, RowVersion.Of(document), cancellationToken) is { } snapshot)
                return snapshot;
            document = await ReadAsync(new StoreId(document.Incarnation), cancellationToken);
        }
        throw new ProblemException(ProblemCodes.Busy, "the store's rows are being changed by others; try again");
    }

    /// <summary>One row set of a store; null when rows of it were erased since, so that nobody can sum it any more.</summary>
    /// <exception cref="ProblemException">shard_unavailable: the catalog that this silo reads does not know it yet.</exception>
    public async Task<RowSnapshot?> FindAsync(StoreId store, RowVersion version, CancellationToken cancellationToken)
    {
        if (_stores.TryGetValue(store, out var known) && known.Find(version) is { } snapshot)
            return snapshot;
        var document = await ReadAsync(store, cancellationToken);
        var now = RowVersion.Of(document);
        if (now.Erasures > version.Erasures)
            return null;
        return now.IsAtLeast(version)
            ? await TryGetAsync(document, version, cancellationToken)
            : throw new ProblemException(ProblemCodes.ShardUnavailable, "the catalog is behind what was committed");
    }

    /// <summary>Whether rows of a set were erased since.</summary>
    public async Task<bool> IsGoneAsync(RowSnapshot snapshot, CancellationToken cancellationToken) =>
        (await ReadAsync(snapshot.Store, cancellationToken)).Erasures > snapshot.Version.Erasures;

    /// <summary>A set that is at most as new as the document; null when rows were erased while it was read.</summary>
    private async Task<RowSnapshot?> TryGetAsync(StoreDocument document, RowVersion version, CancellationToken cancellationToken)
    {
        var store = new StoreId(document.Incarnation);
        if (_stores.Count >= MostStores)
            _stores.Clear();
        var known = _stores.GetOrAdd(store, _ => new Known());
        if (known.Find(version) is { } found)
            return found;
        await known.Gate.WaitAsync(cancellationToken);
        try
        {
            if (known.Find(version) is { } meanwhile)
                return meanwhile;
            var segments = known.SegmentsBelow(version) ?? await ListAsync(store, known.SegmentsOf(version.Erasures), version.Segments, cancellationToken);
            // Segments change by erasures alone: none since, and what was read is one moment's.
            if ((await ReadAsync(store, cancellationToken)).Erasures != version.Erasures)
                return null;
            var snapshot = new RowSnapshot(store, version, segments, Digest(document, version, segments));
            known.Keep(snapshot);
            return snapshot;
        }
        finally
        {
            known.Gate.Release();
        }
    }

    private async Task<IReadOnlyList<ManifestSegment>> ListAsync(StoreId store, IReadOnlyList<ManifestSegment> first, long end, CancellationToken cancellationToken)
    {
        var segments = new List<ManifestSegment>(first);
        while (segments.Count < end)
        {
            var after = segments.Count == 0 ? null : Documents.Below(store, Documents.Ordinal(segments.Count - 1));
            var page = await catalog.ListAsync(Documents.Segment.Name, Documents.Under(store), after, (int)Math.Min(Page, end - segments.Count), cancellationToken);
            foreach (var row in page)
            {
                if (row.Key != Documents.Below(store, Documents.Ordinal(segments.Count)))
                    throw new StorageCorruptException($"segment row {segments.Count} is missing");
                var segment = Documents.Segment.Parse(row);
                segments.Add(new ManifestSegment(segment.Blob, segment.Shard, segment.Slots, segment.Digest));
            }
            if (page.Count == 0)
                throw new StorageCorruptException($"segment row {segments.Count} is missing");
        }
        return segments;
    }

    private async Task<StoreDocument> ReadAsync(StoreId store, CancellationToken cancellationToken) =>
        await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken) is { Value.State: StoreDocument.Active } read
            ? read.Value
            : throw new ProblemException(ProblemCodes.NotFound, "no such store");

    private byte[] Digest(StoreDocument store, RowVersion version, IReadOnlyList<ManifestSegment> segments)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secrets.RowSetKey(store));
        Append(hash, "dpattn row set 1");
        Append(hash, store.Incarnation);
        Append(hash, version.Segments);
        Append(hash, version.Erasures);
        foreach (var segment in segments)
        {
            Append(hash, segment.Blob);
            Append(hash, segment.Digest);
            Append(hash, segment.Shard);
            Append(hash, segment.Slots);
        }
        return hash.GetHashAndReset();
    }

    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Append(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void Append(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }

    /// <summary>What is known of one store: a few sets, the newest of which holds the segments of all before it that no erasure separates from it.</summary>
    private sealed class Known
    {
        private readonly Lock _lock = new();
        private readonly List<RowSnapshot> _snapshots = [];

        public SemaphoreSlim Gate { get; } = new(1);

        public RowSnapshot? Find(RowVersion version)
        {
            lock (_lock)
                return _snapshots.Find(snapshot => snapshot.Version == version);
        }

        /// <summary>The segments of a set that a known one begins with, or null.</summary>
        public IReadOnlyList<ManifestSegment>? SegmentsBelow(RowVersion version)
        {
            lock (_lock)
                return _snapshots.Find(snapshot => snapshot.Version.Erasures == version.Erasures && snapshot.Version.Segments >= version.Segments)?.Segments.Take((int)version.Segments).ToArray();
        }

        /// <summary>The most segments that are known of sets after so many erasures.</summary>
        public IReadOnlyList<ManifestSegment> SegmentsOf(long erasures)
        {
            lock (_lock)
                return _snapshots.Where(snapshot => snapshot.Version.Erasures == erasures).MaxBy(snapshot => snapshot.Version.Segments)?.Segments ?? [];
        }

        public void Keep(RowSnapshot snapshot)
        {
            lock (_lock)
            {
                if (_snapshots.Count >= MostSnapshots)
                    _snapshots.RemoveAt(0);
                _snapshots.Add(snapshot);
            }
        }
    }
}
