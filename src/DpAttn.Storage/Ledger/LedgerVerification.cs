using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Recomputes a store's totals from its entries. Nothing in the service needs it, since totals are kept and never summed; it is for tests and for an
/// operator who wants to see that they agree.
/// </summary>
public static class LedgerVerification
{
    private const int Page = 1000;

    /// <summary>Compares limits, totals, sequences and tiers with what the entries say. The store should be quiet meanwhile.</summary>
    /// <returns>What does not agree, one sentence each; empty when everything does, or when the store has no books.</returns>
    /// <exception cref="StorageException">The ledger cannot be read.</exception>
    public static async Task<IReadOnlyList<string>> VerifyAsync(this IBudgetLedger ledger, StoreId store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        var faults = new List<string>();
        if (await ledger.ReadStoreAsync(store, cancellationToken).ConfigureAwait(false) is not { } books)
            return faults;
        var spent = PrivacyAmount.Zero;
        AccountId? last = null;
        while (await ledger.ListAccountsAsync(store, last, Page, cancellationToken).ConfigureAwait(false) is { Count: > 0 } accounts)
        {
            foreach (var account in accounts)
            {
                var entries = await ReadAsync(ledger, store, account.Account, cancellationToken).ConfigureAwait(false);
                spent += Check(account, entries, faults);
            }
            last = accounts[^1].Account;
        }
        var own = await ReadAsync(ledger, store, null, cancellationToken).ConfigureAwait(false);
        CheckSequence("the store", own, faults);
        if (own.Any(entry => entry.Kind is not (LedgerEntryKind.StoreLimit or LedgerEntryKind.Acknowledgement)))
            faults.Add("the store's own entries hold something other than its limits and acknowledgements");
        var acknowledged = own.Where(entry => entry.Kind == LedgerEntryKind.Acknowledgement).ToList();
        spent = acknowledged.Aggregate(spent, (sum, entry) => sum + entry.StoreAmount);
        if (spent != books.Spent)
            faults.Add($"the store's total is {books.Spent}, and its entries sum to {spent}");
        // What was acknowledged may stand above a limit; nothing is charged on top of it.
        if (!(books.Spent + books.Reserved).FitsIn(books.Limit) && acknowledged.Count == 0)
            faults.Add($"the store's total {books.Spent} exceeds its limit {books.Limit}");
        if ((own.LastOrDefault(entry => entry.Kind == LedgerEntryKind.StoreLimit)?.StoreAmount ?? PrivacyAmount.Zero) != books.Limit)
            faults.Add($"the store's limit is {books.Limit}, and its last entry says another");
        if (books.Suspension is { } suspension)
            faults.Add($"the store is suspended: {suspension}");
        return faults;
    }

    private static async Task<List<LedgerEntry>> ReadAsync(IBudgetLedger ledger, StoreId store, AccountId? account, CancellationToken cancellationToken)
    {
        var entries = new List<LedgerEntry>();
        while (await ledger.ListEntriesAsync(store, account, entries.Count == 0 ? 0 : entries[^1].Sequence, Page, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
            entries.AddRange(page.Select(stored => stored.Entry));
        return entries;
    }

    /// <summary>Checks one account and returns what its entries added to the store's total.</summary>
    private static PrivacyAmount Check(AccountBudget account, List<LedgerEntry> entries, List<string> faults)
    {
        var name = $"account {account.Account}";
        CheckSequence(name, entries, faults);
        var last = entries.Count == 0 ? 0 : entries[^1].Sequence;
        if (account.Sequence != last)
            faults.Add($"{name} counts {account.Sequence} entries, and its last is {last}");
        var (limit, spent, store) = (PrivacyAmount.Zero, PrivacyAmount.Zero, PrivacyAmount.Zero);
        var tiers = new Dictionary<ReleaseId, int>();
        var isAcknowledged = false;
        var requests = new HashSet<RequestId>();
        foreach (var entry in entries)
        {
            if (entry.Account != account.Account)
                faults.Add($"{name} holds an entry of another");
            if (entry.Kind == LedgerEntryKind.AccountLimit)
            {
                limit = entry.AccountAmount;
            }
            else
            {
                spent += entry.AccountAmount;
                store += entry.StoreAmount;
            }
            if (entry.Kind == LedgerEntryKind.Acknowledgement)
            {
                // What stands before it is acknowledged as it is: tiers that could not be shown any more were left out, and the total may exceed the limit.
                isAcknowledged = true;
                tiers.Clear();
            }
            else if (entry.Kind != LedgerEntryKind.AccountLimit)
            {
                if (entry.Request is not { } request || !requests.Add(request))
                    faults.Add($"{name} was charged a second time, or for no request, in entry {entry.Sequence}");
            }
            if (entry is { Release: { } release, Tier: { } tier })
                tiers[release] = Math.Max(tier, tiers.GetValueOrDefault(release));
            var mayExceed = isAcknowledged && (entry.AccountAmount == PrivacyAmount.Zero || entry.Kind is LedgerEntryKind.Acknowledgement or LedgerEntryKind.AccountLimit);
            if (!mayExceed && !spent.FitsIn(limit))
                faults.Add($"{name} had spent {spent} of {limit} after entry {entry.Sequence}");
        }
        if (limit != account.Limit)
            faults.Add($"{name} has the limit {account.Limit}, and its entries say {limit}");
        if (spent != account.Spent)
            faults.Add($"{name} has spent {account.Spent}, and its entries sum to {spent}");
        var agrees = isAcknowledged
            ? tiers.All(pair => account.OpenTiers.GetValueOrDefault(pair.Key, -1) >= pair.Value)
            : tiers.Count == account.OpenTiers.Count && tiers.All(pair => account.OpenTiers.GetValueOrDefault(pair.Key, -1) == pair.Value);
        if (!agrees)
            faults.Add($"{name} holds other tiers than its entries opened");
        return store;
    }

    private static void CheckSequence(string name, List<LedgerEntry> entries, List<string> faults)
    {
        var expected = 1L;
        // What lies before an acknowledgement is acknowledged as it is, and its own sequence skips those of entries that were lost.
        foreach (var entry in entries.Skip(Math.Max(0, entries.FindLastIndex(entry => entry.Kind == LedgerEntryKind.Acknowledgement))))
        {
            if (entry.Sequence != expected && entry.Kind != LedgerEntryKind.Acknowledgement)
            {
                faults.Add($"{name} has entry {entry.Sequence} where {expected} belongs");
                return;
            }
            expected = entry.Sequence + 1;
        }
    }
}
