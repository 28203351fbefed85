using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>Which tier answers, and whether it must be opened first.</summary>
/// <param name="Release">The release.</param>
/// <param name="Tier">The tier.</param>
/// <param name="MustOpen">Whether the account has to be charged for it.</param>
internal sealed record TierChoice(ReleaseDocument Release, int Tier, bool MustOpen)
{
    /// <summary>
    /// Nothing is charged by surprise: without a tier or a maximum the answer comes from what is open. With a maximum, the best tier of the release
    /// whose whole price is at most that is opened: asking again with the same maximum never climbs further.
    /// </summary>
    /// <exception cref="ProblemException">not_published, not_found, release_retired, not_opened or invalid_request.</exception>
    public static TierChoice Select(StoreView store, AccountState account, AttendCommand command)
    {
        var choice = Choose(store, account, command);
        BlockRanges.Require(choice.Release, command.Rows);
        return choice;
    }

    private static TierChoice Choose(StoreView store, AccountState account, AttendCommand command)
    {
        if (command.MaxEpsilon is { } stated && !(stated > 0 && stated <= Epsilon.LargestBudget))
            throw new ProblemException(ProblemCodes.InvalidRequest, $"maxEpsilon must lie in (0, {Epsilon.LargestBudget}]");
        if (command.Tier is not null && command.Release is null)
            throw new ProblemException(ProblemCodes.InvalidRequest, "a tier is opened of an explicit release: state release too");
        var newest = command.Release is null ? store.NewestPublished : Published(store, command.Release);
        if (newest is null)
            throw store.Releases.LastOrDefault(ContinualBook.IsLive) is { } growing ? NothingReleased(growing) : new ProblemException(ProblemCodes.NotPublished, "the store has no published release yet");
        if (command.Tier is { } tier)
            return Explicit(store, account, command, newest, tier);
        if (command.MaxEpsilon is { } most && Affordable(store, account, newest, most) is { } choice)
            return choice;
        var open = command.Release is not null
            ? account.TierOf(newest.Id) is { } held ? new TierChoice(newest, held, MustOpen: false) : null
            : NewestOpen(store, account);
        return open ?? throw NotOpened(store, account, newest, command.MaxEpsilon is null
            ? "no tier is open; state release and tier, or maxEpsilon at or above a price"
            : "no tier is open and none costs at most maxEpsilon");
    }

    /// <summary>The same; null where <see cref="Select"/> throws.</summary>
    public static TierChoice? TrySelect(StoreView store, AccountState account, AttendCommand command)
    {
        try
        {
            return Select(store, account, command);
        }
        catch (ProblemException)
        {
            return null;
        }
    }

    private static TierChoice Explicit(StoreView store, AccountState account, AttendCommand command, ReleaseDocument release, int tier)
    {
        var ladder = store.LadderOf(release);
        if (tier < 0 || tier >= ladder.TierCount)
            throw new ProblemException(ProblemCodes.NotFound, $"release {release.Id} has tiers 0 to {ladder.Best}, not {tier}");
        var held = account.TierOf(release.Id);
        if (held >= tier)
            return new TierChoice(release, tier, MustOpen: false);
        var price = Price(store, account, release, tier);
        return command.MaxEpsilon is { } most && price.Epsilon > most
            ? throw NotOpened(store, account, release, $"tier {tier} costs more than maxEpsilon")
            : new TierChoice(release, tier, MustOpen: true);
    }

    private static TierChoice? Affordable(StoreView store, AccountState account, ReleaseDocument release, double most)
    {
        var ladder = store.LadderOf(release);
        var held = account.TierOf(release.Id);
        for (var tier = ladder.Best; tier >= 0; tier--)
        {
            if (held >= tier)
                return new TierChoice(release, held!.Value, MustOpen: false);
            if (ladder.Tiers[tier].Epsilon.Value <= most && Price(store, account, release, tier).Epsilon <= most)
                return new TierChoice(release, tier, MustOpen: true);
        }
        return null;
    }

    private static TierChoice? NewestOpen(StoreView store, AccountState account)
    {
        for (var i = store.Releases.Count - 1; i >= 0; i--)
        {
            var release = store.Releases[i];
            if (release.State == ReleaseDocument.Published && account.TierOf(release.Id) is { } held)
                return new TierChoice(release, held, MustOpen: false);
        }
        return null;
    }

    /// <summary>A release that answers.</summary>
    public static ReleaseDocument Published(StoreView store, string id)
    {
        var release = store.Release(id) ?? throw new ProblemException(ProblemCodes.NotFound, $"the store has no release {Printable(id)}");
        return release.State switch
        {
            ReleaseDocument.Published => release,
            ReleaseDocument.Retired => throw new ProblemException(ProblemCodes.ReleaseRetired, $"release {release.Id} is retired"),
            ReleaseDocument.Failed => throw new ProblemException(ProblemCodes.NotPublished, $"release {release.Id} failed: {release.Failure}"),
            _ => throw (ContinualBook.IsLive(release) ? NothingReleased(release) : new ProblemException(ProblemCodes.NotPublished, $"release {release.Id} is still being published")),
        };
    }

    /// <summary>What a tier costs the account: an upgrade's own conversion where a lower tier is open.</summary>
    public static TierPrice Price(StoreView store, AccountState account, ReleaseDocument release, int tier)
    {
        var ladder = store.LadderOf(release);
        var held = account.TierOf(release.Id);
        var epsilon = held is null ? ladder.Tiers[tier].Epsilon : PrivacyLimit.ToEpsilon(LedgerRules.CostFrom(held, tier, ladder), store.Delta);
        return new TierPrice(tier, epsilon.Value, store.Delta.Value, release.Id);
    }

    private static ProblemException NothingReleased(ReleaseDocument release) =>
        new(ProblemCodes.NotPublished, $"no block of release {release.Id} is released yet: its rows keep arriving");

    private static ProblemException NotOpened(StoreView store, AccountState account, ReleaseDocument release, string why) =>
        new(ProblemCodes.NotOpened, why)
        {
            Delta = store.Delta.Value,
            Prices = [.. Enumerable.Range(0, store.LadderOf(release).TierCount)
                .Where(tier => !(account.TierOf(release.Id) >= tier))
                .Select(tier => Price(store, account, release, tier))],
        };

    private static string Printable(string id) => new([.. id.Take(40).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '?')]);
}
