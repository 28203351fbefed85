using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IAttentionGrain"/>
/// <remarks>Calls interleave: one that waits for the ledger or for shards keeps nobody waiting.</remarks>
[GrainType(WireNames.AttentionGrain), StatelessWorker, Reentrant]
internal sealed class AttentionGrain(ReleasedNodes nodes, StoreServices services, PerQueryRuns runs, ClusterOptions options) : Grain, IAttentionGrain
{
    private StoreId Store => new(this.GetPrimaryKeyString());

    public async Task<AnswerBatch> AnswerAsync(AnswerCommand command, CancellationToken cancellationToken)
    {
        var tier = await nodes.GetAsync(Store, command.Release, command.Tier, cancellationToken);
        var dimension = command.Numbers.Length / Math.Max(1, command.Queries);
        return AnswerBatches.Answer(tier, new Matrix<double>(command.Queries, dimension, command.Numbers), command.Clip, cancellationToken);
    }

    public Task<AskOutcome> AskAsync(AskCommand command)
    {
        var store = Store;
        var budget = new Budget(GrainFactory.GetGrain<IBudgetGrain>(GrainKey.Of(store, command.Account)), command, options.CallDeadline);
        var shards = new Shards(GrainFactory, store);
        return runs.RunAsync(store, command, () => services.Ask(store, command).RunAsync(budget, shards, CancellationToken.None));
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
