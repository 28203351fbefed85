using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>At which tier of a per-query store's ladder a request is answered. Nothing is charged by surprise: one that states neither a tier nor a maximum is told the prices.</summary>
internal static class AnswerPrice
{
    /// <summary>The tier that a request states, or the best one that costs at most its maximum. It follows from the request and the definition alone, so that a retry has the same.</summary>
    /// <exception cref="ProblemException">invalid_request, not_found or not_opened, which carries the prices.</exception>
    public static int Select(StoreView store, AttendCommand command)
    {
        if (command.Release is not null)
            throw new ProblemException(ProblemCodes.InvalidRequest, "a per-query store has no releases: state a tier or maxEpsilon alone");
        if (command.MaxEpsilon is { } stated && !(stated > 0 && stated <= Epsilon.LargestBudget))
            throw new ProblemException(ProblemCodes.InvalidRequest, $"maxEpsilon must lie in (0, {Epsilon.LargestBudget}]");
        var ladder = store.Document.Definition.Ladder;
        if (command.Tier is { } tier)
        {
            if (tier < 0 || tier >= ladder.Count)
                throw new ProblemException(ProblemCodes.NotFound, $"the store's ladder has tiers 0 to {ladder.Count - 1}, not {tier}");
            return command.MaxEpsilon is { } most && ladder[tier] > most ? throw NotBought(store, $"tier {tier} costs more than maxEpsilon") : tier;
        }
        if (command.MaxEpsilon is not { } limit)
            throw NotBought(store, "each answer of this store is charged: state a tier, or maxEpsilon at or above a price");
        for (var best = ladder.Count - 1; best >= 0; best--)
        {
            if (ladder[best] <= limit)
                return best;
        }
        throw NotBought(store, "no tier costs at most maxEpsilon");
    }

    /// <summary>What a tier costs, however many queries a request asks.</summary>
    public static TierPrice Of(StoreView store, int tier) => new(tier, store.Document.Definition.Ladder[tier], store.Delta.Value);

    private static ProblemException NotBought(StoreView store, string why) => new(ProblemCodes.NotOpened, why)
    {
        Delta = store.Delta.Value,
        Prices = [.. Enumerable.Range(0, store.Document.Definition.Ladder.Count).Select(tier => Of(store, tier))],
    };
}
