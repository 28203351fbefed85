using System.Collections.Concurrent;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>What the caller of a charge was told.</summary>
internal enum Told
{
    /// <summary>Charged, or free because it was open.</summary>
    Admitted,

    /// <summary>Charged before.</summary>
    Replayed,

    /// <summary>Refused, and nothing changed.</summary>
    Refused,

    /// <summary>It failed, and nothing changed.</summary>
    Failed,

    /// <summary>Nobody knows.</summary>
    Unknown,
}

/// <summary>What a request asks for; a charge of an amount, or a tier of a release.</summary>
internal sealed record Asked(AccountId Account, string Request, string Content, PrivacyAmount Cost, string? Release = null, int Tier = 0)
{
    public byte[] Bytes => System.Text.Encoding.ASCII.GetBytes(Content);

    public RequestFingerprint Fingerprint => RequestFingerprint.Of(Bytes);
}

/// <summary>One attempt at a request.</summary>
internal sealed record Attempt(Asked Asked, Told Told, PrivacyAmount Cost, RefusalReason? Reason = null);

/// <summary>One attempt at a limit; of the store's where the account is null.</summary>
internal sealed record LimitAttempt(AccountId? Account, PrivacyAmount Amount, Told Told, RefusalReason? Reason = null);

/// <summary>
/// What the callers were told, and the check of the ledger against it. It adds up the entries by itself and shares no code with the ledger.
/// </summary>
internal sealed class BudgetJournal
{
    public ConcurrentQueue<Attempt> Attempts { get; } = new();

    public ConcurrentQueue<LimitAttempt> Limits { get; } = new();

    /// <summary>Attempts that were made at the end, when nothing failed any more, at what was unknown.</summary>
    public ConcurrentQueue<Attempt> Settled { get; } = new();

    /// <summary>What was seen wrong while it ran.</summary>
    public ConcurrentQueue<string> Seen { get; } = new();

    /// <summary>Requests of which nobody knows yet whether they were charged.</summary>
    public IReadOnlyList<Asked> Unsettled() =>
        [.. Attempts.GroupBy(attempt => (attempt.Asked.Account, attempt.Asked.Request))
            .Where(group => group.Any(attempt => attempt.Told == Told.Unknown) && !group.Any(attempt => attempt.Told is Told.Admitted or Told.Replayed))
            .Select(group => group.First(attempt => attempt.Told == Told.Unknown).Asked)];

    /// <summary>How often each thing was told.</summary>
    public IReadOnlyDictionary<string, int> Count() => Attempts.Select(attempt => Name(attempt.Asked.Release is null ? "charge" : "open", attempt.Told, attempt.Reason))
        .Concat(Limits.Select(attempt => Name(attempt.Account is null ? "store limit" : "limit", attempt.Told, attempt.Reason)))
        .GroupBy(name => name).ToDictionary(group => group.Key, group => group.Count());

    /// <summary>Compares the ledger of a store that is quiet with what was told.</summary>
    /// <param name="ledger">The ledger itself, without faults.</param>
    /// <param name="store">The store.</param>
    /// <param name="isOrdered">Whether the times of entries of different accounts are in the order in which they were written.</param>
    /// <returns>What does not agree.</returns>
    public async Task<IReadOnlyList<string>> CheckAsync(IBudgetLedger ledger, StoreId store, bool isOrdered)
    {
        var faults = new List<string>(Seen);
        var books = (await ledger.ReadStoreAsync(store))!;
        var all = new List<StoredLedgerEntry>();
        var accounts = new List<AccountBudget>();
        while (await ledger.ListAccountsAsync(store, accounts.Count == 0 ? null : accounts[^1].Account, 100) is { Count: > 0 } page)
            accounts.AddRange(page);
        var attempts = Attempts.ToLookup(attempt => (attempt.Asked.Account, attempt.Asked.Request));
        var charged = new HashSet<(AccountId, string)>();
        foreach (var account in accounts)
        {
            var entries = await EntriesAsync(ledger, store, account.Account);
            all.AddRange(entries);
            CheckAccount(account, entries, attempts, charged, faults);
        }
        foreach (var attempt in Attempts.Where(attempt => attempt.Told is Told.Admitted or Told.Replayed))
        {
            if (!charged.Contains((attempt.Asked.Account, attempt.Asked.Request)))
                faults.Add($"{attempt.Asked.Request} was {attempt.Told} and is not in the ledger");
        }
        foreach (var attempt in Settled)
        {
            var isCharged = charged.Contains((attempt.Asked.Account, attempt.Asked.Request));
            if (attempt.Told is Told.Failed or Told.Unknown || isCharged != (attempt.Told != Told.Refused || attempt.Reason == RefusalReason.RequestConflict))
                faults.Add($"{attempt.Asked.Request} was {attempt.Told} in the end, and is {(isCharged ? "" : "not ")}in the ledger");
        }
        CheckStore(books, [.. await EntriesAsync(ledger, store, null), .. all], isOrdered, faults);
        faults.AddRange(await ledger.VerifyAsync(store));
        return faults;
    }

    /// <summary>Replays an account's entries: within its limit after each, each request once and as it was asked and told.</summary>
    private void CheckAccount(
        AccountBudget account, List<StoredLedgerEntry> entries, ILookup<(AccountId Account, string Request), Attempt> attempts, HashSet<(AccountId, string)> charged, List<string> faults)
    {
        Int128 mu = 0, slack = 0;
        var limit = PrivacyAmount.Zero;
        var asked = Limits.Where(attempt => attempt.Account == account.Account && attempt.Told is Told.Admitted or Told.Unknown).Select(attempt => attempt.Amount).ToHashSet();
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i].Entry;
            if (entry.Sequence != i + 1)
                faults.Add($"{account.Account}: entry {entry.Sequence} stands where {i + 1} belongs");
            if (entry.Kind == LedgerEntryKind.AccountLimit)
            {
                limit = entry.AccountAmount;
                if (!asked.Contains(limit))
                    faults.Add($"{account.Account}: entry {entry.Sequence} is a limit that nobody set");
            }
            else if (entry.Request is not { } request || !charged.Add((account.Account, request.Value)))
            {
                faults.Add($"{account.Account}: {entry.Request} was charged twice");
            }
            else
            {
                (mu, slack) = (mu + entry.AccountAmount.MuSquared, slack + entry.AccountAmount.Slack);
                CheckRequest(entry, [.. attempts[(account.Account, request.Value)]], faults);
            }
            if (mu > limit.MuSquared || slack > limit.Slack)
                faults.Add($"{account.Account}: above its limit after entry {entry.Sequence}");
        }
        if (mu != account.Spent.MuSquared || slack != account.Spent.Slack)
            faults.Add($"{account.Account}: entries of {mu} units and {account.Spent.MuSquared} spent");
    }

    private static void CheckRequest(LedgerEntry entry, IReadOnlyList<Attempt> attempts, List<string> faults)
    {
        var same = attempts.Where(attempt => attempt.Asked.Fingerprint == entry.Fingerprint).ToArray();
        // An admission that was told is the entry; without one, the entry must be of an attempt of which nobody knew.
        var told = attempts.Where(attempt => attempt.Told == Told.Admitted).ToArray();
        if (told.Length > 1)
            faults.Add($"{entry.Request}: {told.Length} attempts were told that they are charged");
        if (told.Length == 1 && (told[0].Asked.Fingerprint != entry.Fingerprint || told[0].Cost != entry.AccountAmount))
            faults.Add($"{entry.Request}: charged for something else, or another amount, than was told");
        if (told.Length == 0 && !same.Any(attempt => attempt.Told == Told.Unknown))
            faults.Add($"{entry.Request}: charged, and nobody who asked for it was told so or left without an answer");
        if (attempts.Any(attempt => attempt.Told == Told.Replayed && attempt.Asked.Fingerprint != entry.Fingerprint))
            faults.Add($"{entry.Request}: another body was taken for a replay");
        if (same.Length > 0 && same[0].Asked is { Release: null } charge && charge.Cost != entry.AccountAmount)
            faults.Add($"{entry.Request}: charged another amount than was asked for");
    }

    private static void CheckStore(StoreBudget books, List<StoredLedgerEntry> entries, bool isOrdered, List<string> faults)
    {
        Int128 mu = 0, slack = 0;
        var limit = PrivacyAmount.Zero;
        // Times are whole microseconds: what may have been written in either order is taken in the one that is allowed.
        foreach (var entry in entries.OrderBy(entry => entry.At).ThenByDescending(entry => entry.Entry.Kind == LedgerEntryKind.StoreLimit ? entry.Entry.StoreAmount.MuSquared : -1))
        {
            if (entry.Entry.Kind == LedgerEntryKind.StoreLimit)
                limit = entry.Entry.StoreAmount;
            else
                (mu, slack) = (mu + entry.Entry.StoreAmount.MuSquared, slack + entry.Entry.StoreAmount.Slack);
            if (isOrdered && (mu > limit.MuSquared || slack > limit.Slack))
                faults.Add($"the store was above its limit after {entry.Entry}");
        }
        if (mu != books.Spent.MuSquared || slack != books.Spent.Slack)
            faults.Add($"the store: entries of {mu} units and {books.Spent.MuSquared} spent");
        if (!books.Spent.FitsIn(books.Limit))
            faults.Add("the store is above its limit");
    }

    private static async Task<List<StoredLedgerEntry>> EntriesAsync(IBudgetLedger ledger, StoreId store, AccountId? account)
    {
        var entries = new List<StoredLedgerEntry>();
        while (await ledger.ListEntriesAsync(store, account, entries.Count, 1000) is { Count: > 0 } page)
            entries.AddRange(page);
        return entries;
    }

    private static string Name(string kind, Told told, RefusalReason? reason) => reason is null ? $"{kind} {told}" : $"{kind} {told} {reason}";
}
