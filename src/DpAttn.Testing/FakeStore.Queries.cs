using System.Text;
using DpAttn.Attention;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Testing;

/// <summary>What a fake per-query store does: it charges each answer, and answers exactly.</summary>
internal sealed partial class FakeStore
{
    private readonly Dictionary<string, (string Content, AttendResponse Answer)> _bought = [];

    private AttendResponse Buy(PerQueryParameters parameters, Matrix<double> queries, AttendOptions options)
    {
        var tier = TierToBuy(options);
        var key = options.IdempotencyKey ?? Guid.NewGuid().ToString("N");
        var content = $"{options.Tier}|{options.MaxEpsilon:R}|{options.Clip}|{string.Join(' ', queries.Data.Select(x => x.ToString("R")))}";
        var epsilon = Definition.Ladder[tier];
        if (_bought.TryGetValue(key, out var known))
        {
            return known.Content == content
                ? known.Answer with { Privacy = Record(tier, epsilon, 0) with { Replayed = true, AboutMore = known.Answer.Privacy.AboutMore } }
                : throw FakeDpAttentionClient.Failure(ProblemCodes.RequestConflict, 422, "this idempotency key was used for another request; nothing was charged");
        }
        if (Rows == 0)
            throw FakeDpAttentionClient.Failure(ProblemCodes.NotPublished, 409, "the store has no rows to answer from");
        var cost = Plan(parameters, queries, options.Clip, epsilon).Cost;
        if (_ledger.Charge(Account, new RequestId(key), RequestFingerprint.Of(Encoding.ASCII.GetBytes(content)), cost) is LedgerDecision.Refused refused)
            throw Refusal(refused, $"the budget does not admit an answer at tier {tier}; nothing was charged");
        var left = _ledger.Limit(Account)!.Value - _ledger.Spent(Account);
        var answer = Answer(Frozen().Attention(0, Rows), queries, Record(tier, epsilon, epsilon) with { AboutMore = cost.TimesIn(left) }, null);
        _bought.Add(key, (content, answer));
        return answer;
    }

    private int TierToBuy(AttendOptions options)
    {
        if (options.Release is not null)
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, "a per-query store has no releases: state a tier or maxEpsilon alone");
        if (options.Tier is { } tier)
            return tier < Definition.Ladder.Count ? tier : throw FakeDpAttentionClient.Failure(ProblemCodes.NotFound, 404, $"the store's ladder has tiers 0 to {Definition.Ladder.Count - 1}, not {tier}");
        for (var best = Definition.Ladder.Count - 1; best >= 0; best--)
        {
            if (Definition.Ladder[best] <= options.MaxEpsilon)
                return best;
        }
        throw new DpAttentionException("each answer of this store is charged: state a tier, or maxEpsilon at or above a price", FakeDpAttentionClient.ProblemOf(ProblemCodes.NotOpened, 409, "no tier costs at most maxEpsilon") with
        {
            Prices = [.. Definition.Ladder.Select((epsilon, t) => new TierPrice(t, epsilon, _delta.Value))],
            Delta = _delta.Value,
        });
    }

    private PerQueryPlan Plan(PerQueryParameters parameters, Matrix<double> queries, bool clip, double epsilon)
    {
        try
        {
            return PerQueryPlan.Create(parameters, queries, clip, Epsilon.Budget(epsilon), _delta);
        }
        catch (ArgumentException e)
        {
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, e.Message);
        }
    }
}
