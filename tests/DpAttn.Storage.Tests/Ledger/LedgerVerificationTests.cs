using DpAttn.Privacy;
using DpAttn.Storage.Tests.Sqlite;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Ledger;

/// <summary>The recomputation finds each way in which a ledger could contradict its entries: here one that tells something else than it keeps.</summary>
public sealed class LedgerVerificationTests : IAsyncLifetime
{
    private static readonly AccountId Account = new("account-1");

    private readonly TemporaryDirectory _directory = new();
    private SqliteStorage _storage = null!;

    public async ValueTask InitializeAsync()
    {
        _storage = await SqliteStorage.OpenAsync(new SqliteStorageOptions { Directory = _directory.Path });
        await Sample.WriteAsync(_storage);
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_ledger_that_agrees_with_its_entries_has_no_faults()
    {
        Assert.Empty(await _storage.Ledger.VerifyAsync(Sample.Store));
        Assert.Empty(await _storage.Ledger.VerifyAsync(Sample.Closed));
        Assert.Empty(await _storage.Ledger.VerifyAsync(new StoreId("unknown")));
    }

    [Theory]
    [InlineData("less spent by the store", "the store's total")]
    [InlineData("another store limit", "the store's limit")]
    [InlineData("less spent by an account", "has spent")]
    [InlineData("another account limit", "has the limit")]
    [InlineData("a better tier", "other tiers")]
    [InlineData("no tiers", "other tiers")]
    [InlineData("a missing entry", "where 5 belongs")]
    [InlineData("a missing last entry", "counts 13 entries")]
    [InlineData("a request charged twice", "second time")]
    [InlineData("a charge beyond the limit", "had spent")]
    [InlineData("another account's entry", "of another")]
    [InlineData("a missing store entry", "the store's limit")]
    [InlineData("a suspension", "is suspended")]
    [InlineData("a charge in the store's own book", "something other than its limits")]
    [InlineData("a charge beyond the limit after an acknowledgement", "had spent")]
    [InlineData("a gap after an acknowledgement", "has entry")]
    public async Task A_contradiction_is_named(string lie, string named)
    {
        var faults = await new LyingLedger(_storage.Ledger, lie).VerifyAsync(Sample.Store);
        Assert.Contains(faults, fault => fault.Contains(named, StringComparison.Ordinal));
    }

    /// <summary>A ledger that tells one thing differently.</summary>
    private sealed class LyingLedger(IBudgetLedger ledger, string lie) : IBudgetLedger
    {
        private static readonly PrivacyAmount One = new(1, 0);

        public async Task<StoreBudget?> ReadStoreAsync(StoreId store, CancellationToken cancellationToken = default)
        {
            var budget = (await ledger.ReadStoreAsync(store, cancellationToken))!;
            return lie switch
            {
                "less spent by the store" => budget with { Spent = budget.Spent - One },
                "another store limit" => budget with { Limit = budget.Limit + One },
                "a suspension" => budget with { Suspension = "what was found" },
                _ => budget,
            };
        }

        public async Task<IReadOnlyList<AccountBudget>> ListAccountsAsync(StoreId store, AccountId? after, int limit, CancellationToken cancellationToken = default) =>
            [.. (await ledger.ListAccountsAsync(store, after, limit, cancellationToken)).Select(budget => budget.Account != Account ? budget : lie switch
            {
                "less spent by an account" => budget with { Spent = budget.Spent - One },
                "another account limit" => budget with { Limit = budget.Limit + One },
                "a better tier" => budget with { OpenTiers = budget.OpenTiers.ToDictionary(pair => pair.Key, pair => pair.Value + 1) },
                "no tiers" => budget with { OpenTiers = new Dictionary<ReleaseId, int>() },
                _ => budget,
            })];

        public Task<StoredLedgerEntry?> FindRequestAsync(StoreId store, AccountId account, RequestId request, CancellationToken cancellationToken = default) =>
            ledger.FindRequestAsync(store, account, request, cancellationToken);

        public async Task<IReadOnlyList<StoredLedgerEntry>> ListEntriesAsync(StoreId store, AccountId? account, long after, int limit, CancellationToken cancellationToken = default)
        {
            var entries = (await ledger.ListEntriesAsync(store, account, after, limit, cancellationToken)).ToList();
            if (account is null)
            {
                return lie switch
                {
                    "a missing store entry" => [.. entries.Where(stored => stored.Entry.Sequence != 2)],
                    "a charge in the store's own book" => Change(entries, 1, entry => entry with { Kind = LedgerEntryKind.Charge }),
                    _ => entries,
                };
            }
            if (account != Account)
                return entries;
            return lie switch
            {
                "a missing entry" => [.. entries.Where(stored => stored.Entry.Sequence != 5)],
                "a missing last entry" => [.. entries.Where(stored => stored.Entry.Sequence != 13)],
                "a request charged twice" => Change(entries, 6, entry => entry with { Request = new RequestId("charge-0") }),
                "a charge beyond the limit" => Change(entries, 6, entry => entry with { AccountAmount = new PrivacyAmount(1L << 50, 0) }),
                "a charge beyond the limit after an acknowledgement" => Change(
                    Change(entries, 6, entry => entry with { Kind = LedgerEntryKind.Acknowledgement, AccountAmount = new PrivacyAmount(1L << 50, 0) }), 7, entry => entry with { AccountAmount = One }),
                "a gap after an acknowledgement" => [.. Change(entries, 6, entry => entry with { Kind = LedgerEntryKind.Acknowledgement }).Where(stored => stored.Entry.Sequence != 8)],
                "another account's entry" => Change(entries, 6, entry => entry with { Account = new AccountId("account-2") }),
                _ => entries,
            };
        }

        public Task CreateStoreAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task CloseStoreAsync(StoreId store, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<LedgerDecision> SetStoreLimitAsync(StoreId store, PrivacyLimit limit, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<LedgerDecision> SetLimitAsync(StoreId store, AccountId account, PrivacyLimit limit, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<AccountBudget?> ReadAccountAsync(StoreId store, AccountId account, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<LedgerDecision> OpenAsync(
            StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, ReleaseId release, int tier, ITierCosts costs, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public Task<LedgerDecision> ChargeAsync(
            StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint, PrivacyAmount cost, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        private static List<StoredLedgerEntry> Change(List<StoredLedgerEntry> entries, long sequence, Func<LedgerEntry, LedgerEntry> change) =>
            [.. entries.Select(stored => stored.Entry.Sequence == sequence ? stored with { Entry = change(stored.Entry) } : stored)];
    }
}
