using DpAttn.Cli.Output;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Remote;

/// <summary>Failures of the client in the words of the command line.</summary>
internal static class RemoteFaults
{
    private const string NothingCharged = "nothing was charged";

    public static Exception Translate(DpAttentionException failure) => failure is PrivacyBudgetExceededException refusal
        ? new RefusedByBudgetException(Describe(refusal))
        : new RemoteFaultException(Describe(failure), failure);

    private static string Describe(PrivacyBudgetExceededException refusal)
    {
        var parts = new List<string> { refusal.Message };
        var delta = refusal.Delta is { } d ? $" at delta {Numbers.Short(d)}" : "";
        if (refusal.Requested is { } requested)
            parts.Add($"requested: epsilon {Numbers.Short(requested)}{delta}");
        if (refusal.Remaining is { } remaining)
            parts.Add($"at most {Numbers.Short(remaining)} can be spent at once");
        if (refusal.ShortBy is { } shortBy)
            parts.Add($"a limit raised by {Numbers.Short(shortBy)} would admit it");
        if (refusal.Affordable is { } tier)
            parts.Add($"{Name(tier)} fits, for {Numbers.Short(tier.Epsilon)}");
        if (!refusal.Message.Contains(NothingCharged, StringComparison.Ordinal))
            parts.Add(NothingCharged);
        return string.Join("; ", parts);
    }

    private static string Name(TierPrice price) => price.Release is { } release ? $"tier {price.Tier} of release {release}" : $"tier {price.Tier}";

    private static string Describe(DpAttentionException failure) => failure.Code switch
    {
        ProblemCodes.NotOpened when failure.Problem is { Prices: { Count: > 0 } prices } =>
            $"{failure.Message}; prices: {string.Join(", ", prices.Select(p => $"{Name(p)} for epsilon {Numbers.Short(p.Epsilon)}"))}; {(prices[0].Release is null ? "buy an answer with --tier" : "open one with --release and --tier")}, or with --max-epsilon",
        ProblemCodes.ChargeUnknown when failure.IdempotencyKey is { } key => $"{failure.Message}; --key {key} asks the same again without another charge",
        ProblemCodes.Unauthenticated => $"{failure.Message}; is {ServerOptions.KeyVariable} a key of this server?",
        _ => failure.Message,
    };
}
