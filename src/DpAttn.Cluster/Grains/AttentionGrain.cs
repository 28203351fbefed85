using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IAttentionGrain"/>
/// <remarks>Calls interleave: one that waits for the ledger or for shards keeps nobody waiting.</remarks>
[GrainType(WireNames.AttentionGrain), StatelessWorker, Reentrant]
internal sealed class AttentionGrain(ReleasedNodes nodes, PartCache cache, StoreServices services, PerQueryRuns runs, ClusterOptions options) : Grain, IAttentionGrain
{
    private StoreId Store => new(this.GetPrimaryKeyString());

    public async Task<AnswerBatch> AnswerAsync(AnswerCommand command, CancellationToken cancellationToken)
    {
        var tier = await nodes.GetAsync(Store, command.Release, command.Tier, command.Rows, cancellationToken);
        var dimension = command.Numbers.Length / Math.Max(1, command.Queries);
        var queries = new Matrix<double>(command.Queries, dimension, command.Numbers);
        return AnswerBatches.Of(await tier.AnswerAsync(queries, command.Clip, new Parts(GrainFactory, Store, cache, options.CallDeadline), cancellationToken));
    }

    public Task<AskOutcome> AskAsync(AskCommand command)
    {
        var store = Store;
        var budget = new Budget(GrainFactory.GetGrain<IBudgetGrain>(GrainKey.Of(store, command.Account)), command, options.CallDeadline);
        var shards = new Shards(GrainFactory, store);
        return runs.RunAsync(store, command, () => services.Ask(store, command).RunAsync(budget, shards, CancellationToken.None));
    }

    /// <summary>The silo's cache, and behind it the coordinator of the release.</summary>
    private sealed class Parts(IGrainFactory grains, StoreId store, PartCache cache, TimeSpan deadline) : INoisedParts
    {
        public Task<IReadOnlyDictionary<long, long[]>> ReadAsync(DistanceModel model, string release, int tier, IReadOnlyList<long> parts, CancellationToken cancellationToken)
        {
            var coordinator = grains.GetGrain<ICoordinatorGrain>(GrainKey.Of(store, release));
            return cache.ReadAsync(
                store, release, tier, parts, model.NumbersPerPart, model.PartsPerCall,
                missing => coordinator.ReadPartsAsync(tier, missing, cancellationToken).WithinAsync(deadline, ProblemCodes.ShardUnavailable, cancellationToken));
        }
    }

    private sealed class Budget(IBudgetGrain grain, AskCommand command, TimeSpan deadline) : IAccountBudget
    {
        public Task<RecordedRequest?> FindAsync(CancellationToken cancellationToken) =>
            grain.FindAsync(command.Request, cancellationToken).WithinAsync(deadline, ProblemCodes.LedgerUnavailable, cancellationToken);

        public Task<ChargeOutcome> ChargeAsync(long muSquared, long slack, CancellationToken cancellationToken) =>
            grain.ChargeAsync(new ChargeCommand(command.Request, command.Content, muSquared, slack), cancellationToken).ChargedWithinAsync(deadline, cancellationToken);
    }

    private sealed class Shards(IGrainFactory grains, StoreId store) : IShardQueries
    {
        public Task<LongBlock> SumAsync(int shard, QuerySumsCommand command, CancellationToken cancellationToken) =>
            grains.GetGrain<IShardGrain>(GrainKey.Shard(store, shard)).SumQueriesAsync(command, cancellationToken);
    }
}
