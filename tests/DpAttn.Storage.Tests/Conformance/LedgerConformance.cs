using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What the suites of the ledger share: prices, decisions, and how to grant, charge, open and look.</summary>
public abstract class LedgerConformance : StorageConformance
{
    // Costs of 1000, 3000 and 9000 units of mu squared and one unit of slack a step.
    private protected static readonly Ladder Prices = new(1000, 3000, 9000);
    private protected static readonly Admitted Free = new(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: false);
    private protected static readonly Admitted Replay = new(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true);
    private protected static readonly Refused Unknown = new(RefusalReason.UnknownAccount);

    private protected async Task GrantAsync(AccountId account, PrivacyLimit? limit = null, PrivacyLimit? storeLimit = null)
    {
        if (await Ledger.ReadStoreAsync(Store) is null)
            await Ledger.CreateStoreAsync(Store, storeLimit ?? Limit);
        Assert.Equal(Free, await Ledger.SetLimitAsync(Store, account, limit ?? Limit));
    }

    private protected Task<LedgerDecision> ChargeAsync(AccountId account, int request, PrivacyAmount cost) =>
        Ledger.ChargeAsync(Store, account, Request(request), Fingerprint(1), cost);

    private protected Task<LedgerDecision> OpenAsync(AccountId account, int request, int tier) =>
        Ledger.OpenAsync(Store, account, Request(request), Fingerprint(1), Release, tier, Prices);

    /// <summary>All that can be read of the store, as text.</summary>
    private protected async Task<string> StateAsync()
    {
        var lines = new List<string> { $"{await Ledger.ReadStoreAsync(Store)}" };
        lines.AddRange((await Ledger.ListEntriesAsync(Store, null, 0, 1000)).Select(entry => $"{entry}"));
        foreach (var account in await Ledger.ListAccountsAsync(Store, null, 1000))
        {
            lines.Add($"{account with { OpenTiers = new Dictionary<ReleaseId, int>() }} {string.Join(",", account.OpenTiers.OrderBy(pair => pair.Key.Value, StringComparer.Ordinal))}");
            lines.AddRange((await Ledger.ListEntriesAsync(Store, account.Account, 0, 1000)).Select(entry => $"{entry}"));
        }
        return string.Join('\n', lines);
    }

    private protected static async Task<int> CountAdmittedAsync(int count, Func<int, Task<LedgerDecision>> charge) =>
        (await RaceAsync(count, charge)).Count(decision => decision.IsAdmitted);

    /// <summary>Starts from several threads at once and waits for all.</summary>
    private protected static async Task<LedgerDecision[]> RaceAsync(int count, Func<int, Task<LedgerDecision>> action)
    {
        var tasks = new Task<LedgerDecision>[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => tasks[i] = action(i));
        return await Task.WhenAll(tasks);
    }
}
