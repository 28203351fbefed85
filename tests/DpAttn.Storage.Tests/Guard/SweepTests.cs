using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>Books are compared with their marks, some at a time, round and round: what was never told is told, and what has gone back is found though nobody touches it.</summary>
public sealed class SweepTests : IAsyncLifetime
{
    private static readonly StoreId Store = new("store-1");
    private static readonly StoreId Other = new("store-2");
    private static readonly AccountId Alice = new("alice");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeWitness _witness = new();
    private SqliteStorage _storage = null!;
    private int _requests;

    public async ValueTask InitializeAsync()
    {
        _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.File("data"), Witness = _witness });
        await _storage.Guard.StartAsync();
        foreach (var store in new[] { Store, Other })
        {
            await _storage.Ledger.CreateStoreAsync(store, Limit);
            await _storage.Ledger.SetLimitAsync(store, Alice, Limit);
            await ChargeAsync(store);
        }
        await _storage.Guard.TellAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Nothing_is_found_where_nothing_is_wrong_and_nothing_is_told_twice()
    {
        var told = _witness.Marks.ToDictionary();
        for (var i = 0; i < 3; i++)
            await _storage.Guard.CompareSomeAsync();
        Assert.Equal(4, told.Count);
        Assert.All(told, mark => Assert.Same(mark.Value, _witness.Marks[mark.Key]));
        Assert.True((await ChargeAsync(Store)).IsAdmitted);
    }

    [Fact]
    public async Task What_the_witness_lacks_or_has_from_before_is_told_some_books_at_a_time()
    {
        var accounts = Enumerable.Range(0, 3000).Select(i => new AccountId($"account-{i}")).ToList();
        await Task.WhenAll(accounts.SelectMany(account => new[] { Store, Other }.Select(store => _storage.Ledger.SetLimitAsync(store, account, Limit))));
        await _storage.Guard.TellAsync();
        var before = _witness.Marks[("store-1", "alice")];
        await ChargeAsync(Store);
        await _storage.Guard.TellAsync();
        var all = _witness.Marks.ToDictionary();
        Assert.Equal(6004, all.Count);
        // Never told, and of alice only how far she was before.
        _witness.Marks.Clear();
        _witness.Marks[("store-1", "alice")] = before;

        await _storage.Guard.CompareSomeAsync();

        Assert.InRange(_witness.Marks.Count, WitnessSweep.BooksAtOnce - 500, WitnessSweep.BooksAtOnce + 500);
        await _storage.Guard.CompareSomeAsync();
        Assert.Equal(all.Count, _witness.Marks.Count);
        Assert.All(all, mark => Assert.True(mark.Value.IsSameState(_witness.Marks[mark.Key])));
    }

    [Fact]
    public async Task A_book_that_has_gone_back_closes_its_store_and_no_other()
    {
        var seen = _witness.Marks[("store-2", "alice")];
        _witness.Marks[("store-2", "alice")] = seen with { Version = seen.Version + 3, Spent = new PrivacyAmount(700, 0) };
        await _storage.Guard.CompareSomeAsync();
        await RequireClosedAsync(Other, "behind the witness");
        // What the witness saw stays there, however often it is looked at.
        await _storage.Guard.CompareSomeAsync();
        Assert.Equal(700, _witness.Marks[("store-2", "alice")].Spent.MuSquared);
        Assert.True((await ChargeAsync(Store)).IsAdmitted);
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Other, "operator"));
        Assert.Equal(700, (await _storage.Ledger.ReadAccountAsync(Other, Alice))!.Spent.MuSquared);
        await _storage.Guard.CompareSomeAsync();
        Assert.True((await ChargeAsync(Other)).IsAdmitted);
    }

    [Fact]
    public async Task A_store_that_is_suspended_between_two_pages_is_left_as_it_is()
    {
        await Task.WhenAll(Enumerable.Range(0, 1200).Select(i => _storage.Ledger.SetLimitAsync(Store, new AccountId($"account-{i}"), Limit)));
        await _storage.Guard.TellAsync();
        _witness.Marks.Clear();
        _witness.BeforeRaise = () => _storage.Books.SuspendAsync(Store, "a test", default);
        await _storage.Guard.CompareSomeAsync();
        // Of the first page all but the store's own, which is told with the last one.
        Assert.Equal(499, _witness.Marks.Keys.Count(key => key.Store == "store-1"));
        Assert.Equal(2, _witness.Marks.Keys.Count(key => key.Store == "store-2"));
    }

    /// <summary>The store's total is beyond what was seen of it, and only an account on a later page shows that it is of another way.</summary>
    [Fact]
    public async Task What_was_seen_of_a_stores_total_is_not_written_over_before_all_its_accounts_were_compared()
    {
        await Task.WhenAll(Enumerable.Range(0, 1200).Select(i => _storage.Ledger.SetLimitAsync(Store, new AccountId($"account-{i}"), Limit)));
        await ChargeAsync(Store);
        await ChargeAsync(Store);
        await _storage.Guard.TellAsync();
        var (own, all) = (_witness.Marks[("store-1", "alice")], _witness.Marks[("store-1", "")]);
        var seen = all with { Version = all.Version - 1, Spent = new PrivacyAmount(25, 0), Mac = new byte[32] };
        _witness.Marks[("store-1", "")] = seen;
        _witness.Marks[("store-1", "alice")] = own with { Version = own.Version + 1, Spent = new PrivacyAmount(45, 0), Mac = new byte[32] };
        await _storage.Guard.CompareSomeAsync();
        await RequireClosedAsync(Store, "behind the witness");
        Assert.Same(seen, _witness.Marks[("store-1", "")]);

        // With nothing wrong it is told.
        _witness.Marks[("store-1", "alice")] = own;
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        var now = _witness.Marks[("store-1", "")];
        _witness.Marks[("store-1", "")] = now with { Version = now.Version - 1 };
        await _storage.Guard.CompareSomeAsync();
        Assert.True(now.IsSameState(_witness.Marks[("store-1", "")]));
    }

    [Fact]
    public async Task A_book_that_went_another_way_than_the_witness_saw_is_not_told_over_it()
    {
        var seen = _witness.Marks[("store-1", "alice")] with { Mac = new byte[32] };
        await ChargeAsync(Store);
        await _storage.Guard.TellAsync();
        _witness.Marks[("store-1", "alice")] = seen;
        await _storage.Guard.CompareSomeAsync();
        Assert.Same(seen, _witness.Marks[("store-1", "alice")]);
        await RequireClosedAsync(Store, "behind the witness");
    }

    [Fact]
    public async Task A_book_or_a_whole_store_that_only_the_witness_knows_is_missing()
    {
        var lost = new WitnessMark(Store, new AccountId("bob"), 4, new PrivacyAmount(40, 0), new byte[32]);
        _witness.Marks[("store-1", "bob")] = lost;
        var gone = new StoreId("store-3");
        _witness.Marks[("store-3", "")] = lost with { Store = gone, Account = null };
        await _storage.Guard.CompareSomeAsync();
        await RequireClosedAsync(Store, "missing");
        Assert.Contains("missing", await _storage.Guard.ReadSuspensionAsync(gone));
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Other));
    }

    [Fact]
    public async Task A_total_that_was_changed_by_hand_is_found()
    {
        await _storage.Writer.RunAsync("a deed", 0, session =>
        {
            session.Execute("UPDATE ledger_book SET spent_mu2 = 1 WHERE store = 'store-1' AND account = 'alice'");
            return true;
        }, default);
        await _storage.Guard.CompareSomeAsync();
        await RequireClosedAsync(Store, "totals were changed");
    }

    [Fact]
    public async Task Nothing_is_compared_before_all_was_verified()
    {
        await _storage.DisposeAsync();
        var seen = _witness.Marks[("store-1", "alice")];
        _witness.Marks[("store-1", "alice")] = seen with { Version = seen.Version + 3 };
        _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.File("data"), Witness = _witness });
        await _storage.Guard.CompareSomeAsync();
        await _storage.Guard.StartAsync();
        await _storage.Guard.CompareSomeAsync();
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));
        await _storage.Guard.VerifyPendingAsync();
        await RequireClosedAsync(Store, "behind the witness");
    }

    private async Task RequireClosedAsync(StoreId store, string words) => Assert.Contains(words, (await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(store))).Message);

    private Task<LedgerDecision> ChargeAsync(StoreId store) =>
        _storage.Ledger.ChargeAsync(store, Alice, new RequestId($"request-{Interlocked.Increment(ref _requests)}"), RequestFingerprint.Of([1]), new PrivacyAmount(10, 0));
}
