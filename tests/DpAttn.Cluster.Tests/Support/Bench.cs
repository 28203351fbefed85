using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>The plain classes of a cluster on a real storage in a temporary directory, without Orleans.</summary>
internal sealed class Bench : IAsyncDisposable
{
    public static readonly AccountId Owner = new("00000000000000000000000000000001");
    private readonly DirectoryInfo _directory;
    private readonly bool _isOwner;

    /// <param name="clock">The clock.</param>
    /// <param name="configure">Changes options.</param>
    /// <param name="directory">Where the storage is, if it is to outlive the bench.</param>
    /// <param name="witness">Where its witness is: then no store is verified before the guard is started.</param>
    public Bench(TimeProvider? clock = null, Action<ClusterOptions>? configure = null, DirectoryInfo? directory = null, string? witness = null)
    {
        (_isOwner, _directory) = (directory is null, directory ?? Directory.CreateTempSubdirectory("dpattn-bench-"));
        Clock = clock ?? TimeProvider.System;
        Options = new ClusterOptions { ScanThreads = 1 };
        configure?.Invoke(Options);
        Storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.FullName, WitnessDirectory = witness, Clock = Clock });
        Protector = new SecretProtector(KeyFile.LoadOrCreate(Path.Combine(_directory.FullName, KeyFile.DefaultName)));
        Scans = new ScanScheduler(Options);
        Side = new Side(this, new FaultPlan(), null);
    }

    public TimeProvider Clock { get; }

    public ClusterOptions Options { get; }

    public SqliteStorage Storage { get; }

    public SecretProtector Protector { get; }

    public ScanScheduler Scans { get; }

    /// <summary>The classes on a storage that works.</summary>
    public Side Side { get; }

    public string DatabaseFile => Path.Combine(_directory.FullName, SqliteStorage.FileName);

    /// <summary>Another process on the same storage, whose calls fail as planned.</summary>
    public Side With(FaultPlan plan, INoiseSources? noise = null) => new(this, plan, noise);

    public async Task<StoreId> MakeStoreAsync(StoreDefinition? definition = null, string? name = null)
    {
        var (store, _) = await Side.Directory.EnsureAsync(name ?? $"s{Guid.NewGuid():N}", definition ?? Samples.Definition(), Owner, CancellationToken.None);
        return store.Id;
    }

    /// <summary>Deletes and purges a store while something works on it that hangs at a call of the storage, and requires that no blob is left.</summary>
    public async Task DeleteDuringAsync(StoreId store, string call, Func<Side, Task> work)
    {
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = name => name == call };
        var working = work(With(plan));
        await plan.Hanging;
        var removal = Side.Services.Removal(store);
        await removal.DeleteAsync("owner", CancellationToken.None);
        await removal.PurgeAsync(CancellationToken.None);
        plan.Release();
        await working;
        await removal.PurgeBlobsAsync(CancellationToken.None);
        foreach (var kind in Enum.GetValues<BlobKind>())
            Assert.Empty(await Storage.Segments.ListAsync(store, kind, "", null, 10));
    }

    public async ValueTask DisposeAsync()
    {
        Scans.Dispose();
        await Storage.DisposeAsync();
        if (_isOwner)
            _directory.Delete(recursive: true);
    }
}

/// <summary>One process's view of a storage.</summary>
internal sealed class Side
{
    private readonly Bench _bench;

    public Side(Bench bench, FaultPlan plan, INoiseSources? noise)
    {
        _bench = bench;
        Catalog = new FaultyCatalog(bench.Storage.Catalog, plan);
        Blobs = new FaultySegments(bench.Storage.Segments, plan);
        Ledger = new FaultyLedger(bench.Storage.Ledger, plan);
        Generation = new Generation(Catalog, bench.Clock);
        Secrets = new StoreSecrets(Catalog, bench.Protector);
        Directory = new StoreDirectory(Catalog, Ledger, Generation, bench.Clock, Secrets);
        Services = new StoreServices(
            Catalog, Blobs, Ledger, bench.Storage.Guard, Directory, Generation, bench.Protector, bench.Scans, noise ?? new KeyedNoiseSources(), bench.Options, bench.Clock,
            Secrets, new RowSets(Catalog, Secrets), new RowMemory(bench.Options), new KeptSums(Catalog, Blobs, Directory, bench.Scans, bench.Options), new ClusterInstruments(new TestMeters()));
    }

    public ICatalog Catalog { get; }

    public ISegmentStore Blobs { get; }

    public IBudgetLedger Ledger { get; }

    public Generation Generation { get; }

    public StoreSecrets Secrets { get; }

    public StoreDirectory Directory { get; }

    public StoreServices Services { get; }

    /// <summary>Appends a batch the way the front door does, without checking its rows.</summary>
    public async Task<BatchReceipt> AppendAsync(StoreId store, string batch, RowBatch rows)
    {
        var commit = await PutAsync(store, batch, rows);
        return await Services.Book(store).CommitBatchAsync(commit, CancellationToken.None);
    }

    /// <summary>Stores a batch's segments without committing them.</summary>
    public async Task<BatchCommit> PutAsync(StoreId store, string batch, RowBatch rows)
    {
        var document = (await Directory.ReadAsync(store))!.Document;
        var key = BatchCut.KeyOf(batch);
        var segments = BatchCut.PiecesOf(rows).Select((piece, part) => BatchCut.Encode(rows, key, part, piece, document.Definition.Shards)).ToArray();
        foreach (var segment in segments)
            await Blobs.PutAsync(new BlobKey(store, BlobKind.Segment, segment.Reference.Blob), segment.Bytes);
        return new BatchCommit(batch, key, $"fingerprint of {batch}", [.. segments.Select(segment => segment.Reference)]);
    }

    public Task<string> FreezeAsync(StoreId store, string? request = null, double[]? ladder = null) =>
        Services.Releases(store).FreezeAsync(new PublishCommand("owner", ladder, request), CancellationToken.None);

    public Task<PublishOutcome> PublishAsync(StoreId store, string release, CancellationToken cancellationToken = default) =>
        Services.Publish(store, release).RunAsync(ShardsOf(store, release), cancellationToken);

    public IShardSums ShardsOf(StoreId store, string release) => new LocalShards(this, store, release);

    public async Task<ReleaseDocument> ReadReleaseAsync(StoreId store, string release) =>
        (await Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value;

    /// <summary>The noised integers of every part of every tier of a release that answers from its shards, as they are served.</summary>
    public async Task<List<long[]>> ReadPartsAsync(StoreId store, string release)
    {
        var view = (await Directory.ReadAsync(store))!;
        var parts = new LongBlock(Released.PartsOf(((DistanceModel)view.Model).Parameters));
        var noise = Services.Parts(store, release);
        var tiers = new List<long[]>();
        for (var tier = 0; tier < view.Release(release)!.Ladder.Count; tier++)
            tiers.Add((await noise.ReadAsync(tier, parts, PartsOf(store, release), CancellationToken.None)).ToArray(parts.Values.Length * ((DistanceModel)view.Model).NumbersPerPart));
        return tiers;
    }

    public IShardParts PartsOf(StoreId store, string release) => new LocalParts(this, store, release);

    /// <summary>The released integers of every tier, as they are served.</summary>
    public async Task<List<long[]>> ReadNodesAsync(StoreId store, string release)
    {
        var document = await ReadReleaseAsync(store, release);
        var model = (await Directory.ReadAsync(store))!.Released;
        if (model is DistanceModel)
            return await ReadPartsAsync(store, release);
        if (model is TreeModel tree)
            return await Released.ReadTreeAsync(store, document, tree, Blobs);
        var nodes = new List<long[]>();
        foreach (var node in document.Nodes)
            nodes.Add(NodeCodec.Decode((await Blobs.ReadPartsAsync(store, BlobKind.Node, node.Blob, node.Bytes))!, model.Dimension).Values);
        return nodes;
    }

    /// <summary>The key of a frozen release's noise, while the catalog still holds its secret.</summary>
    public async Task<ReleaseKey> ReadKeyAsync(StoreId store, string release)
    {
        var document = await ReadReleaseAsync(store, release);
        var secret = _bench.Protector.Unprotect(Convert.FromBase64String(document.Secret!), Services.Releases(store).SecretPurpose(release));
        return ReleaseKey.Derive(secret, Convert.FromHexString(document.NoiseBinding));
    }

    /// <summary>The exact parts of shards in this process, as grains would read them.</summary>
    private sealed class LocalParts(Side side, StoreId store, string release) : IShardParts
    {
        public async Task<PartSums> ReadAsync(int shard, LongBlock parts, CancellationToken cancellationToken) =>
            PartSums.Of((await side.Services.KeptSums.GetAsync(store, release, shard, TimeSpan.FromSeconds(30), cancellationToken)).Read(parts.Values));
    }

    /// <summary>The shards of one release in this process, as grains would hold them.</summary>
    private sealed class LocalShards(Side side, StoreId store, string release) : IShardSums
    {
        private readonly Dictionary<int, RunningSum> _sums = [];

        public async Task<ShardProgress> SumAsync(int shard, CancellationToken cancellationToken)
        {
            RunningSum? known;
            lock (_sums)
            {
                if (_sums.TryGetValue(shard, out known) && !known.MayBeTriedAgain)
                    return known.Describe();
            }
            var document = await side.ReadReleaseAsync(store, release);
            var view = (await side.Directory.ReadAsync(store, cancellationToken))!;
            var manifest = await side.Services.Releases(store).ReadManifestAsync(document, view.Document, cancellationToken);
            known = side.Services.Sum(store, shard, manifest, document.Manifest, view.Released);
            lock (_sums)
                _sums[shard] = known;
            known.Start();
            return known.Describe();
        }

        public Task<LongBlock> ReadAsync(int shard, int start, int count, CancellationToken cancellationToken)
        {
            lock (_sums)
                return Task.FromResult(new LongBlock(_sums[shard].Sums!.AsSpan(start, count).ToArray()));
        }

        public Task<PartSums> ReadBlocksAsync(int shard, long from, long to, CancellationToken cancellationToken)
        {
            lock (_sums)
                return _sums[shard].Leaves!.ReadAsync(from, to, cancellationToken);
        }

        public Task ForgetAsync(int shard, CancellationToken cancellationToken)
        {
            lock (_sums)
            {
                if (_sums.Remove(shard, out var known))
                    known.Stop();
            }
            return Task.CompletedTask;
        }
    }
}
