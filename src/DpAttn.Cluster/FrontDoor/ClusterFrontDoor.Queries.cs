using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    /// <summary>An answer that is charged by itself: the whole request at one tier's epsilon, once per idempotency key.</summary>
    private async Task<AttendResult> BuyAsync(StoreView store, PerQueryModel model, AccountId account, Entitlement entitlement, AttendCommand command, CancellationToken cancellationToken)
    {
        PerQueryRequest.RequireNumbers(command.Queries);
        var tier = AnswerPrice.Select(store, command);
        var key = command.RequestId
            ?? throw new ProblemException(ProblemCodes.InvalidRequest, "each answer of this store is charged: an Idempotency-Key is needed, so that sending the request again is not charged again");
        var ask = new AskCommand(account.Value, key, RequestContent.Of(command), tier, command.Queries.Rows, command.Queries.Data, command.Clip);
        var (epoch, asked) = (generation.Epoch, clock.GetTimestamp());
        // It is not given up with the caller: what is paid for is stored for the retry.
        var outcome = await grains.GetGrain<IAttentionGrain>(store.Id.Value).AskAsync(ask).ChargedWithinAsync(options.AnswerDeadline, cancellationToken);
        var charge = outcome.Charge;
        if (charge.Refusal is { } refusal)
            throw Refusals.Of(store, model, charge.Account ?? entitlement.State, tier, command.Queries.Rows, refusal, charge);
        if (charge.Account is not null || !charge.IsReplay)
            entitlement = entitlements.Keep(store, account, charge.Account ?? entitlement.State.After(charge.Amount), epoch, asked);

        var answers = new AttentionAnswer[command.Queries.Rows];
        AnswerBatches.CopyTo(outcome.Answers!, answers);
        var epsilon = model.EpsilonOf(tier).Value;
        var record = new PrivacyRecord(
            tier,
            epsilon,
            store.Delta.Value,
            charge.IsReplay ? 0 : epsilon,
            entitlement.Spent,
            entitlement.Remaining,
            charge.IsReplay,
            AboutMore: charge.Amount.TimesIn(entitlement.State.Remaining));
        return new AttendResult(answers, record);
    }
}
