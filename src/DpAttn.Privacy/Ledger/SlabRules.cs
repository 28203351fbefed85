namespace DpAttn.Privacy;

/// <summary>
/// How much of a store's limit an account reserves ahead of its charges, so that most of them need not look at the store at all. What is promised (spent by all accounts, or
/// reserved and not used yet) never exceeds the limit, so neither does what is spent; whoever would be refused takes back what others hold unused first.
/// </summary>
public static class SlabRules
{
    /// <summary>The most charges that one slab is reserved for.</summary>
    public const int MostCharges = 64;

    /// <summary>A slab is at most this part of what is left, so that one account's idle slab is little of it.</summary>
    public const int ShareOfRest = 128;

    /// <summary>What to reserve so that an account can make a charge, and near the store's limit nothing beyond it.</summary>
    /// <param name="limit">The store's limit.</param>
    /// <param name="promised">What is spent or reserved of it.</param>
    /// <param name="held">What the account holds reserved already.</param>
    /// <param name="cost">The charge.</param>
    /// <returns>To be added to both <paramref name="held"/> and <paramref name="promised"/>; null when the rest of the limit does not suffice for the charge.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A held amount or a cost with a negative part.</exception>
    public static PrivacyAmount? Reserve(PrivacyAmount limit, PrivacyAmount promised, PrivacyAmount held, PrivacyAmount cost)
    {
        if (!held.IsNonNegative || !cost.IsNonNegative)
            throw new ArgumentOutOfRangeException(nameof(cost), "what is held and what is charged have no negative part");
        var rest = (MuSquared: (Int128)limit.MuSquared - promised.MuSquared, Slack: (Int128)limit.Slack - promised.Slack);
        // A part that costs nothing asks for nothing, even where an acknowledged loss has left less than nothing of it.
        var charges = Int128.Max(1, Int128.Min(MostCharges, Int128.Min(Charges(rest.MuSquared, cost.MuSquared), Charges(rest.Slack, cost.Slack))));
        return Part(rest.MuSquared, held.MuSquared, cost.MuSquared, charges) is { } muSquared && Part(rest.Slack, held.Slack, cost.Slack, charges) is { } slack
            ? new PrivacyAmount(muSquared, slack)
            : null;
    }

    private static Int128 Charges(Int128 rest, long cost) => cost == 0 ? MostCharges : rest / ((Int128)cost * ShareOfRest);

    /// <summary>Up to so many charges together with what is held; null when the rest does not suffice for one.</summary>
    private static long? Part(Int128 rest, long held, long cost, Int128 charges)
    {
        if (cost <= held && charges == 1)
            return 0;
        var missing = Int128.Max(0, (Int128)cost - held);
        if (missing > 0 && missing > rest)
            return null;
        return (long)Int128.Max(missing, Int128.Min(rest, charges * cost - held));
    }
}
