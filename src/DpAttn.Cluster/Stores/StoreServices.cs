using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>What the rules of a store stand on, for grains, which are made by the engine.</summary>
internal sealed class StoreServices(
    ICatalog catalog,
    ISegmentStore blobs,
    IBudgetLedger ledger,
    LedgerGuard guard,
    StoreDirectory directory,
    Generation generation,
    SecretProtector protector,
    ScanScheduler scans,
    INoiseSources noise,
    ClusterOptions options,
    TimeProvider clock,
    StoreSecrets secrets,
    RowSets rowSets,
    RowMemory rowMemory,
    KeptSums keptSums,
    ClusterInstruments instruments)
{
    private readonly ISegmentStore _blobs = new TimedSegments(blobs, instruments.Storage);

    public ICatalog Catalog => catalog;

    public ISegmentStore Blobs => _blobs;

    public ClusterInstruments Instruments => instruments;

    public StoreDirectory Directory => directory;

    public RowSets RowSets => rowSets;

    public RowMemory RowMemory => rowMemory;

    public KeptSums KeptSums => keptSums;

    public StoreBook Book(StoreId store) => new(store, catalog, _blobs, directory, Continual(store));

    public ContinualBook Continual(StoreId store) => new(store, catalog, _blobs, directory, generation);

    public RestoredCopy RestoredCopy() => new(catalog, this);

    public ReleaseBook Releases(StoreId store) => new(store, catalog, _blobs, directory, generation, protector, clock);

    public StoreRemoval Removal(StoreId store) => new(store, catalog, ledger, _blobs, generation);

    public ShardSum Shard(StoreId store, int shard) => new(store, shard, _blobs, scans);

    /// <summary>The sums of a shard's segments of a release.</summary>
    public RunningSum Sum(StoreId store, int shard, ReleaseManifest manifest, string manifestId, ReleasedModel model)
    {
        var segments = manifest.Segments.Count(segment => segment.Shard == shard);
        if (model is not TreeModel tree)
            return new RunningSum(segments, (progress, stop) => Shard(store, shard).ComputeAsync(manifest, manifestId, model, progress, stop));
        var leaves = new ShardLeaves(store, shard, manifest, manifestId, tree, _blobs, scans);
        return new RunningSum(segments, leaves.ComputeAsync, leaves);
    }

    public ShardRows Rows(StoreId store, int shard, PerQueryModel model) => new(store, shard, model, rowSets, _blobs, scans, rowMemory);

    public StoredAnswers Answers(StoreId store) => new(store, _blobs);

    public PerQueryRequest Ask(StoreId store, AskCommand command) => new(
        store, command, directory, secrets, rowSets, Answers(store), scans, noise, instruments.FanOut(options, FanOutPurposes.Queries), options, clock);

    public PartNoise Parts(StoreId store, string release) => new(
        store, release, catalog, directory, Releases(store), generation, scans, noise, instruments.FanOut(options, FanOutPurposes.Parts));

    public BlockSum Blocks(StoreId store, int shard) => new(store, shard, catalog, _blobs, scans);

    public GrowthJob Growth(StoreId store, string release) => new(
        store, release, catalog, _blobs, directory, Releases(store), Continual(store), RestoredCopy(), guard, generation, scans, noise, instruments.FanOut(options, FanOutPurposes.Publish), clock);

    public PublishJob Publish(StoreId store, string release) => new(
        store, release, catalog, _blobs, directory, Releases(store), scans, noise, instruments.FanOut(options, FanOutPurposes.Publish), clock);
}
