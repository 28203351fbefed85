using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// What the ledger must do, said as plainly as possible: a list of what was admitted, from which every total is added up anew, in unbounded
/// integers, whenever it is needed. No running totals, no indices, no shared code.
/// </summary>
internal sealed class NaiveLedger(long mu, long slack, IReadOnlyDictionary<string, ITierCosts> releases)
{
    private readonly List<Event> _events = [];
    private readonly Dictionary<string, (BigInteger Mu, BigInteger Slack)> _limits = [];
    private (BigInteger Mu, BigInteger Slack) _storeLimit = (mu, slack);

    private sealed record Event(string Account, string Request, string Fingerprint, string? Release, int Tier, BigInteger Mu, BigInteger Slack);

    public (BigInteger Mu, BigInteger Slack) StoreSpent => Total(_events);

    public string SetLimit(string account, long mu, long slack)
    {
        var spent = AccountSpent(account);
        if (spent.Mu > mu || spent.Slack > slack)
            return "LimitBelowSpent";
        _limits[account] = (mu, slack);
        return "ok";
    }

    public string SetStoreLimit(long mu, long slack)
    {
        var spent = StoreSpent;
        if (spent.Mu > mu || spent.Slack > slack)
            return "LimitBelowSpent";
        _storeLimit = (mu, slack);
        return "ok";
    }

    /// <summary>A charge (no release) or an opening of a tier: "ok", "replay", or the reason.</summary>
    public string Ask(string account, string request, string fingerprint, string? release, int tier, long mu, long slack)
    {
        if (!_limits.TryGetValue(account, out var limit))
            return "UnknownAccount";
        if (release is not null && !releases.ContainsKey(release))
            return "UnknownTier";
        if (_events.FirstOrDefault(e => e.Account == account && e.Request == request) is { } earlier)
            return earlier.Fingerprint == fingerprint ? "replay" : "RequestConflict";
        if (release is not null && (tier < 0 || tier >= releases[release].TierCount))
            return "UnknownTier";
        // Added first, looked at, and taken back if it does not fit.
        _events.Add(new Event(account, request, fingerprint, release, tier, mu, slack));
        var reason = IsAbove(AccountSpent(account), limit) ? "AccountLimit" : IsAbove(StoreSpent, _storeLimit) ? "StoreLimit" : null;
        if (reason is not null)
            _events.RemoveAt(_events.Count - 1);
        return reason ?? "ok";
    }

    public (BigInteger Mu, BigInteger Slack) AccountSpent(string account) => Total([.. _events.Where(e => e.Account == account)]);

    public int? OpenTier(string account, string release) =>
        _events.Where(e => e.Account == account && e.Release == release).Select(e => (int?)e.Tier).Max();

    private static bool IsAbove((BigInteger Mu, BigInteger Slack) spent, (BigInteger Mu, BigInteger Slack) limit) => spent.Mu > limit.Mu || spent.Slack > limit.Slack;

    /// <summary>
    /// Charges add up. Of a release only the rises of its best tier cost: mu squared the price of the best one; slack that of the first
    /// opening and of each upgrade.
    /// </summary>
    private (BigInteger Mu, BigInteger Slack) Total(IReadOnlyList<Event> events)
    {
        BigInteger mu = 0, slack = 0;
        foreach (var e in events.Where(e => e.Release is null))
            (mu, slack) = (mu + e.Mu, slack + e.Slack);
        foreach (var release in events.Where(e => e.Release is not null).GroupBy(e => e.Release!))
        {
            var costs = releases[release.Key];
            mu += costs.Open(release.Max(e => e.Tier)).MuSquared;
            int? best = null;
            foreach (var e in release)
            {
                if (best is null || e.Tier > best)
                {
                    slack += best is null ? costs.Open(e.Tier).Slack : costs.Upgrade(best.Value, e.Tier).Slack;
                    best = e.Tier;
                }
            }
        }
        return (mu, slack);
    }
}
