using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>What the rules of a store stand on, for grains, which are made by the engine.</summary>
internal sealed class StoreServices(
    ICatalog catalog, ISegmentStore blobs, IBudgetLedger ledger, StoreDirectory directory, Generation generation, SecretProtector protector, ScanScheduler scans, ClusterOptions options, TimeProvider clock)
{
    public ICatalog Catalog => catalog;

    public ISegmentStore Blobs => blobs;

    public StoreDirectory Directory => directory;

    public StoreBook Book(StoreId store) => new(store, catalog, ledger, blobs, directory, generation, protector, clock);

    public ShardSum Shard(StoreId store, int shard) => new(store, shard, blobs, scans);

    public PublishJob Publish(StoreId store, string release) => new(
        store, release, catalog, blobs, directory, Book(store), generation, protector, scans, new FanOut(options.FanOutWindow, options.CallDeadline), clock);
}
