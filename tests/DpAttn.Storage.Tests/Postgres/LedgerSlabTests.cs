using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using Npgsql;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What accounts reserve of their store's limit: it spares the store's row, costs nobody anything, and is taken back before anybody is refused.</summary>
public sealed class LedgerSlabTests : IAsyncLifetime
{
    private static readonly StoreId Store = new("store-1");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));
    private static readonly PrivacyLimit Larger = new(new Epsilon(2), new Delta(1e-5));
    private static readonly PrivacyAmount Unit = new(1000, 1);

    private PostgresUnderTest? _under;
    private int _requests;

    private IBudgetLedger Ledger => _under!.Ledger;

    public async ValueTask InitializeAsync() => _under = await PostgresUnderTest.CreateAsync();

    public async ValueTask DisposeAsync()
    {
        if (_under is not null)
            await _under.DisposeAsync();
    }

    [Fact]
    public async Task Charges_within_a_slab_do_not_touch_the_stores_row()
    {
        await GrantAsync(Limit, "alice");
        await ChargeAsync("alice", Unit);
        var row = await StoreRowAsync();
        for (var i = 1; i < SlabRules.MostCharges; i++)
            Assert.True((await ChargeAsync("alice", Unit)).IsAdmitted);
        Assert.Equal(row, await StoreRowAsync());
        // The slab is used up; the next charge takes another.
        Assert.Equal(PrivacyAmount.Zero, (await Ledger.ReadStoreAsync(Store))!.Reserved);
        await ChargeAsync("alice", Unit);
        Assert.NotEqual(row, await StoreRowAsync());
    }

    [Fact]
    public async Task A_slab_is_told_beside_what_is_spent_and_is_no_part_of_it()
    {
        await GrantAsync(Limit, "alice");
        for (var i = 1; i <= 3; i++)
        {
            await ChargeAsync("alice", Unit);
            var budget = (await Ledger.ReadStoreAsync(Store))!;
            Assert.Equal((i * Unit.MuSquared, (SlabRules.MostCharges - i) * Unit.MuSquared), (budget.Spent.MuSquared, budget.Reserved.MuSquared));
            Assert.Equal((i * Unit.Slack, (SlabRules.MostCharges - i) * Unit.Slack), (budget.Spent.Slack, budget.Reserved.Slack));
            Assert.Equal(i * Unit.MuSquared, (await Ledger.ReadAccountAsync(Store, new("alice")))!.Spent.MuSquared);
        }
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task An_opened_tier_touches_the_stores_row_only_when_it_raises_the_maximum()
    {
        await GrantAsync(Limit, "alice", "bob");
        var prices = new Ladder(1000, 3000);
        await OpenAsync("alice", 1);
        var row = await StoreRowAsync();
        Assert.Equal(new Admitted(new(1000, 1), PrivacyAmount.Zero, false), await OpenAsync("bob", 0));
        Assert.Equal(new Admitted(new(2000, 1), PrivacyAmount.Zero, false), await OpenAsync("bob", 1));
        Assert.Equal(row, await StoreRowAsync());

        Task<LedgerDecision> OpenAsync(string account, int tier) =>
            Ledger.OpenAsync(Store, new(account), new($"open-{_requests++}"), RequestFingerprint.Of([1]), new("release-1"), tier, prices);
    }

    [Fact]
    public async Task What_others_hold_unused_is_taken_back_before_anybody_is_refused()
    {
        await GrantAsync(Limit, "alice", "bob", "carol");
        // As of a process that is gone: its slabs are nobody's.
        foreach (var account in new[] { "alice", "bob" })
            await _under!.Other.Ledger.ChargeAsync(Store, new(account), new("first"), RequestFingerprint.Of([1]), Unit);
        Assert.NotEqual(PrivacyAmount.Zero, (await Ledger.ReadStoreAsync(Store))!.Reserved);
        var rest = Limit.Amount - Unit - Unit;

        Assert.Equal(new Refused(RefusalReason.StoreLimit), await ChargeAsync("carol", rest + new PrivacyAmount(1, 0)));
        Assert.True((await ChargeAsync("carol", rest)).IsAdmitted);

        var budget = (await Ledger.ReadStoreAsync(Store))!;
        Assert.Equal((Limit.Amount, PrivacyAmount.Zero), (budget.Spent, budget.Reserved));
        Assert.Equal(new Refused(RefusalReason.StoreLimit), await ChargeAsync("alice", new PrivacyAmount(1, 0)));
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_tier_takes_slabs_back_as_well_and_the_accounts_own_among_them()
    {
        await GrantAsync(Limit, "alice");
        await ChargeAsync("alice", Unit);
        var prices = new Ladder(Limit.Amount.MuSquared - Unit.MuSquared);
        Assert.NotEqual(PrivacyAmount.Zero, (await Ledger.ReadStoreAsync(Store))!.Reserved);
        Assert.True((await Ledger.OpenAsync(Store, new("alice"), new("open"), RequestFingerprint.Of([1]), new("release-1"), 0, prices)).IsAdmitted);
        Assert.Equal(Limit.Amount.MuSquared, (await Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task More_slabs_than_are_taken_back_at_once_are_all_taken_back()
    {
        var accounts = Enumerable.Range(0, ChargeView.MostSlabs + 20).Select(i => $"account-{i}").ToArray();
        await GrantAsync(Limit, [.. accounts, "last"]);
        await Task.WhenAll(accounts.Select(account => ChargeAsync(account, Unit)));
        var spent = (await Ledger.ReadStoreAsync(Store))!.Spent;
        Assert.Equal(accounts.Length * Unit.MuSquared, spent.MuSquared);

        Assert.True((await ChargeAsync("last", Limit.Amount - spent)).IsAdmitted);

        Assert.Equal(Limit.Amount, (await Ledger.ReadStoreAsync(Store))!.Spent);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_limit_below_what_is_promised_and_above_what_is_spent_is_set()
    {
        await Ledger.CreateStoreAsync(Store, Larger);
        await GrantAsync(Larger, "alice", "bob");
        await ChargeAsync("alice", Unit);
        var spent = Limit.Amount - Unit;
        await ChargeAsync("bob", spent);
        var reserved = (await Ledger.ReadStoreAsync(Store))!.Reserved;
        Assert.False((spent + Unit + reserved).FitsIn(Limit.Amount));

        Assert.True((await Ledger.SetStoreLimitAsync(Store, Limit)).IsAdmitted);

        Assert.Equal(Limit.Amount, (await Ledger.ReadStoreAsync(Store))!.Spent);
        Assert.Equal(new Refused(RefusalReason.StoreLimit), await ChargeAsync("alice", new PrivacyAmount(1, 0)));
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_limit_below_a_slab_that_is_not_authentic_is_refused_and_not_tried_for_ever()
    {
        await GrantAsync(Larger, "alice", "bob");
        var cost = new PrivacyAmount(Limit.Amount.MuSquared / 256, 0);
        await ChargeAsync("alice", cost);
        await ChargeAsync("bob", cost);
        await LocalPostgres.ExecuteAsync(_under!.Options.ConnectionString, "UPDATE dpattn_ledger_book SET reserved_mu2 = reserved_mu2 + 1 WHERE account = 'bob'");
        // What is spent would fit, and what bob's row may hide does not.
        var limit = new PrivacyLimit(new Epsilon(0.14), new Delta(1e-6));
        var budget = (await Ledger.ReadStoreAsync(Store))!;
        Assert.True(budget.Spent.FitsIn(limit.Amount) && budget.Spent.MuSquared + budget.Reserved.MuSquared / 2 > limit.Amount.MuSquared);

        var refused = Assert.IsType<Refused>(await Ledger.SetStoreLimitAsync(Store, limit).WaitAsync(TimeSpan.FromSeconds(10)));

        Assert.Equal(RefusalReason.LimitBelowSpent, refused.Reason);
        Assert.True((await ChargeAsync("alice", cost)).IsAdmitted);
        Assert.Contains((await _under.Storage.Guard.VerifyAsync(Store)).Faults, fault => fault.Kind == LedgerFaultKind.TotalChanged);
    }

    [Fact]
    public async Task Closed_books_hold_no_slabs()
    {
        await GrantAsync(Limit, "alice", "bob");
        await ChargeAsync("alice", Unit);
        await ChargeAsync("bob", Unit);
        await Ledger.CloseStoreAsync(Store);
        Assert.Equal(new StoreBudget(Limit.Epsilon, Limit.Amount, Unit + Unit, IsClosed: true), await Ledger.ReadStoreAsync(Store));
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    /// <summary>Two processes, 40 accounts, costs of several sizes, a store's limit that most charges do not fit: what is admitted fits, and what is left fits nobody.</summary>
    [Fact]
    public async Task Near_the_limit_two_writers_spend_it_to_the_last_charge_that_fits()
    {
        var accounts = Enumerable.Range(0, 40).Select(i => $"account-{i}").ToArray();
        await GrantAsync(Limit, accounts);
        var step = Limit.Amount.MuSquared / 500;

        var decisions = await Task.WhenAll(Enumerable.Range(0, 1500).Select(i => Task.Run(() =>
            (i % 2 == 0 ? Ledger : _under!.Other.Ledger).ChargeAsync(Store, new(accounts[i * 7 % 40]), new($"request-{i}"), RequestFingerprint.Of([1]), new PrivacyAmount(step * (1 + i % 3), 0)))));

        var admitted = decisions.OfType<Admitted>().Sum(decision => decision.AccountCost.MuSquared);
        var budget = (await Ledger.ReadStoreAsync(Store))!;
        Assert.Equal(admitted, budget.Spent.MuSquared);
        Assert.True(budget.Spent.FitsIn(Limit.Amount));
        Assert.Equal(new Refused(RefusalReason.StoreLimit), await ChargeAsync("account-0", new PrivacyAmount(Limit.Amount.MuSquared - admitted + 1, 0)));
        // The smallest charge was still to come when the last was decided, so what is left is less than it.
        Assert.InRange(Limit.Amount.MuSquared - admitted, 0, step - 1);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    private async Task GrantAsync(PrivacyLimit storeLimit, params string[] accounts)
    {
        if (await Ledger.ReadStoreAsync(Store) is null)
            await Ledger.CreateStoreAsync(Store, storeLimit);
        foreach (var account in accounts)
            Assert.True((await Ledger.SetLimitAsync(Store, new(account), Larger)).IsAdmitted);
    }

    private Task<LedgerDecision> ChargeAsync(string account, PrivacyAmount cost) =>
        Ledger.ChargeAsync(Store, new(account), new($"request-{Interlocked.Increment(ref _requests)}"), RequestFingerprint.Of([1]), cost);

    /// <summary>Which transactions wrote and locked the store's row last, and where it lies.</summary>
    private async Task<string> StoreRowAsync()
    {
        await using var connection = new NpgsqlConnection($"{_under!.Options.ConnectionString};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT concat(xmin, ' ', xmax, ' ', ctid) FROM dpattn_ledger_book WHERE account = ''", connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
