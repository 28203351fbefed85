using DpAttn.Attention;
using DpAttn.Privacy;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IAttentionGrain"/>
[GrainType(WireNames.AttentionGrain), StatelessWorker]
internal sealed class AttentionGrain(ReleasedNodes nodes) : Grain, IAttentionGrain
{
    public async Task<AnswerBatch> AnswerAsync(AnswerCommand command, CancellationToken cancellationToken)
    {
        var tier = await nodes.GetAsync(new StoreId(this.GetPrimaryKeyString()), command.Release, command.Tier, cancellationToken);
        var dimension = command.Numbers.Length / Math.Max(1, command.Queries);
        return AnswerBatches.Answer(tier, new Matrix<double>(command.Queries, dimension, command.Numbers), command.Clip, cancellationToken);
    }
}
