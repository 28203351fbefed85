using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A sum of amounts as they stand: wide enough for whatever somebody wrote into the rows.</summary>
internal readonly record struct WideAmount(Int128 MuSquared, Int128 Slack)
{
    public static WideAmount operator +(WideAmount sum, PrivacyAmount amount) => new(sum.MuSquared + amount.MuSquared, sum.Slack + amount.Slack);

    public static WideAmount operator +(WideAmount sum, WideAmount amount) => new(sum.MuSquared + amount.MuSquared, sum.Slack + amount.Slack);

    /// <summary>What is left of it over an amount, not below 0 in either part.</summary>
    public WideAmount Over(PrivacyAmount amount) => new(Int128.Max(0, MuSquared - amount.MuSquared), Int128.Max(0, Slack - amount.Slack));

    public bool Equals(PrivacyAmount amount) => MuSquared == amount.MuSquared && Slack == amount.Slack;

    /// <summary>Whether an amount is no larger in either part.</summary>
    public bool Holds(PrivacyAmount amount) => amount.MuSquared <= MuSquared && amount.Slack <= Slack;

    /// <summary>The larger of both in either part, at most what fits a row.</summary>
    public PrivacyAmount Max(params ReadOnlySpan<PrivacyAmount> others)
    {
        var (mu, slack) = (Fit(MuSquared), Fit(Slack));
        foreach (var other in others)
            (mu, slack) = (Math.Max(mu, other.MuSquared), Math.Max(slack, other.Slack));
        return new PrivacyAmount(mu, slack);
    }

    private static long Fit(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;
}
