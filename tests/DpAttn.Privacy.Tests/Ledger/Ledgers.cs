namespace DpAttn.Privacy.Tests;

/// <summary>Ids, prices and snapshots for the ledger's tests.</summary>
internal static class Ledgers
{
    public static readonly AccountId Ann = new("ann"), Bob = new("bob"), Nobody = new("nobody");
    public static readonly ReleaseId Release = new("release-1"), Other = new("release-2");

    /// <summary>Tiers of 100, 250 and 700 units; slacks 1, 2, 3, upgrades 10 (from + 1) + to.</summary>
    public static readonly ITierCosts Ladder = new Prices([100, 250, 700]);

    public static RequestId Request(int i) => new($"request-{i}");

    public static RequestFingerprint Fingerprint(int i) => RequestFingerprint.Of([(byte)i]);

    public static PrivacyAmount Amount(long muSquared, long slack = 0) => new(muSquared, slack);

    /// <summary>A ledger with a release of <see cref="Ladder"/>, and Ann and Bob granted.</summary>
    public static PrivacyLedger Make(PrivacyAmount store, PrivacyAmount account)
    {
        var ledger = new PrivacyLedger(store);
        ledger.AddRelease(Release, Ladder);
        ledger.AddRelease(Other, Ladder);
        ledger.SetLimit(Ann, account);
        ledger.SetLimit(Bob, account);
        return ledger;
    }

    /// <summary>Everything that can be asked of a ledger, as text.</summary>
    public static string State(PrivacyLedger ledger)
    {
        var accounts = new[] { Ann, Bob, Nobody }.Select(account =>
            $"{ledger.Limit(account)} {ledger.Spent(account)} {ledger.OpenTier(account, Release)} {ledger.OpenTier(account, Other)}");
        return $"{ledger.StoreLimit} {ledger.StoreSpent}\n{string.Join('\n', accounts)}\n{string.Join('\n', ledger.Entries)}";
    }

    internal sealed record Prices(long[] MuSquared) : ITierCosts
    {
        public int TierCount => MuSquared.Length;

        public PrivacyAmount Open(int tier) => new(MuSquared[tier], tier + 1);

        public PrivacyAmount Upgrade(int from, int to) => new(MuSquared[to] - MuSquared[from], 10 * (from + 1) + to);
    }
}
