using DpAttn.Privacy;
using static DpAttn.Storage.Tests.Postgres.SharedLedger;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What a store is charged when accounts of several processes lost something with an older copy: all that was truly charged to it on both ways, and a tier that many opened once.</summary>
public sealed class StoreLossTests(TwoServers servers) : IClassFixture<TwoServers>
{
    [Theory]
    [InlineData(2)]
    [InlineData(60)]
    public async Task A_tier_that_many_opened_after_a_backup_costs_the_store_once_what_it_cost(int count)
    {
        await using var ledger = await CreateAsync(servers);
        var maker = await ledger.StartAsync();
        await maker.Storage.Ledger.CreateStoreAsync(Store, Limit);
        var accounts = await AccountsAsync(maker, count);
        Assert.True((await ledger.OpenTierAsync(maker, accounts[0], 0)).IsAdmitted);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        for (var i = 0; i < count; i++)
            Assert.True((await ledger.OpenTierAsync(i % 2 == 0 ? first : second, accounts[i], 2)).IsAdmitted);
        var before = await SpentAsync(first, accounts);
        Assert.Equal(Prices.Open(0) + Prices.Upgrade(0, 2), before[0]);
        await ledger.StopAsync();
        await ledger.PutBackAsync(copy);
        var third = await ledger.StartAsync(isWhole: false);
        Assert.NotNull(await third.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        Assert.Equal(before, await SpentAsync(third, accounts));
        await RequireWholeAsync(ledger, third, accounts[0]);
    }

    /// <summary>Where accounts hold slabs, those that the witness saw count as used, and nothing else does.</summary>
    [Fact]
    public async Task With_slabs_a_store_ends_at_what_the_witness_saw_of_it_and_not_above()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var first = await ledger.StartAsync();
        var accounts = await AccountsAsync(first, 20);
        foreach (var account in accounts)
            Assert.True((await ledger.OpenTierAsync(first, account, 2)).IsAdmitted);
        for (var i = 0; i < 200; i++)
            Assert.True((await ledger.ChargeAsync(first, Alice, 10)).IsAdmitted);
        var before = await SpentAsync(first, [.. accounts, Alice, Bob]);
        await first.TellAsync();
        var seen = (await MarkAsync(first, null)).Spent;
        await ledger.StopAsync();
        await ledger.PutBackAsync(copy);
        var second = await ledger.StartAsync(isWhole: false);
        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        var after = await SpentAsync(second, [.. accounts, Alice, Bob]);
        Assert.Equal(before[1..], after[1..]);
        Assert.Equal(seen, after[0]);
        Assert.True(before[0].FitsIn(after[0]));
        await RequireWholeAsync(ledger, second, Alice);
    }

    /// <summary>Both processes go on with the copy until they tell the witness: one opens the tier once more and makes the store's row grow, the other charges from slabs that the copy holds, which leaves that row as it is.</summary>
    [Fact]
    public async Task What_was_charged_on_the_copy_comes_on_top_once_by_whoever_it_was_and_from_slabs_that_were_used_before_as_well()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var starter = await ledger.StartAsync();
        var accounts = await AccountsAsync(starter, 30);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        var common = (await first.Storage.Ledger.ReadStoreAsync(Store))!;
        Assert.True(common.Reserved.MuSquared >= 1000, $"{common.Reserved} in slabs");
        foreach (var account in accounts)
            Assert.True((await ledger.OpenTierAsync(first, account, 2)).IsAdmitted);
        // The slabs that the copy holds, almost whole, on this way.
        foreach (var account in new[] { Alice, Bob })
            Assert.True((await ledger.ChargeAsync(first, account, 500)).IsAdmitted);
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        var seen = await MarkAsync(first, null);
        var lost = (await first.Storage.Ledger.ReadStoreAsync(Store))!.Spent - common.Spent;
        Assert.Equal(9000 + 1000, lost.MuSquared);
        (first.Held.IsHeld, second.Held.IsHeld) = (true, true);
        await ledger.PutBackAsync(copy);

        // And on the other way.
        foreach (var account in new[] { Alice, Bob })
            Assert.True((await ledger.ChargeAsync(second, account, 500)).IsAdmitted);
        Assert.Equal(common.Spent.MuSquared + 1000, (await second.Storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.True((await ledger.OpenTierAsync(first, accounts[0], 1)).IsAdmitted);
        (first.Held.IsHeld, second.Held.IsHeld) = (false, false);
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        await ledger.RequireClosedAsync(second, Alice);
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));

        var spent = (await second.Storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared;
        var truth = common.Spent.MuSquared + lost.MuSquared + 1000 + 3000;
        Assert.True(spent >= truth, $"{spent} where {truth} were charged");
        // Beyond it are the slabs that the witness saw, and not what each account paid.
        Assert.Equal(seen.Spent.MuSquared + 1000 + 3000, spent);
        await RequireWholeAsync(ledger, second, Bob);
    }

    /// <summary>What one process alone knows to be lost is acknowledged by another, and the former is charged before it sees that.</summary>
    [Fact]
    public async Task A_loss_that_was_acknowledged_does_not_close_the_store_again_for_whoever_was_charged_since()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        first.Held.IsHeld = true;
        Assert.True((await ledger.ChargeAsync(first, Alice, 900)).IsAdmitted);
        await ledger.PutBackAsync(copy);
        await ledger.ChargeAsync(second, Alice, 1);
        await ledger.ChargeAsync(second, Alice, 1);
        await second.TellAsync();
        first.Held.IsHeld = false;
        await first.TellAsync();
        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        for (var i = 0; i < 5; i++)
        {
            Assert.True((await ledger.ChargeAsync(first, Alice, 1)).IsAdmitted);
            await first.TellAsync();
            await second.TellAsync();
            Assert.Null(await first.Storage.Guard.ReadSuspensionAsync(Store));
        }
        Assert.Equal(30 + 900 + 2 + 5, (await first.Storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.Empty((await first.Storage.Guard.VerifyAsync(Store)).Faults);
    }

    /// <summary>
    /// The witness saw Alice's charge; the server fails over to an older copy, where a process of an earlier version charges Bob, tells that, suspends the store and leaves of its total the larger of both ways, with the MAC of a
    /// state. This version acknowledges.
    /// </summary>
    [Fact]
    public async Task What_an_earlier_version_told_of_a_store_does_not_bound_what_its_accounts_lost()
    {
        await using var ledger = await CreateAsync(servers);
        var maker = await ledger.StartAsync();
        await maker.Storage.Ledger.CreateStoreAsync(Store, Limit);
        var accounts = await AccountsAsync(maker, 2);
        Assert.True((await ledger.OpenTierAsync(maker, accounts[0], 0)).IsAdmitted);
        await maker.TellAsync();
        var common = await SpentAsync(maker, accounts);
        var copy = await ledger.CopyAsync();
        var first = await ledger.StartAsync();
        Assert.True((await ledger.OpenTierAsync(first, accounts[0], 1)).IsAdmitted);
        await first.TellAsync();
        var seen = await MarkAsync(first, null);
        var lost = seen.Spent - common[0];
        first.Held.IsHeld = true;
        await ledger.PutBackAsync(copy);

        Assert.True((await ledger.OpenTierAsync(first, accounts[1], 1)).IsAdmitted);
        var now = await SpentAsync(first, accounts);
        // As the earlier one does it.
        await first.Storage.Books.SuspendAsync(Store, "books are behind the witness", default);
        var own = (await first.Storage.Books.ReadMarkAsync(Store, null, default))!;
        var bob = (await first.Storage.Books.ReadMarkAsync(Store, accounts[1], default))!;
        await using (var witness = await PostgresWitness.OpenAsync(ledger.Witness))
        {
            Assert.Empty(await witness.RaiseAsync([
                new WitnessStep((await witness.FindAsync(Store, accounts[1]))!, bob),
                new WitnessStep(seen, own with { Version = Math.Max(seen.Version, own.Version) + 1, Spent = new(Math.Max(seen.Spent.MuSquared, own.Spent.MuSquared), Math.Max(seen.Spent.Slack, own.Spent.Slack)) })]));
        }
        await ledger.KillAsync(first);
        var second = await ledger.StartAsync(isWhole: false);
        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        Assert.Equal(now[0] + lost, (await second.Storage.Ledger.ReadStoreAsync(Store))!.Spent);
        await RequireWholeAsync(ledger, second, accounts[1]);
    }

    private static async Task<AccountId[]> AccountsAsync(Server server, int count)
    {
        var accounts = Enumerable.Range(0, count).Select(i => new AccountId($"account-{i}")).ToArray();
        await Task.WhenAll(accounts.Select(account => server.Storage.Ledger.SetLimitAsync(Store, account, Limit)));
        return accounts;
    }

    /// <summary>The store's, and each account's.</summary>
    private static async Task<List<PrivacyAmount>> SpentAsync(Server server, AccountId[] accounts)
    {
        List<PrivacyAmount> spent = [(await server.Storage.Ledger.ReadStoreAsync(Store))!.Spent];
        foreach (var account in accounts)
            spent.Add((await server.Storage.Ledger.ReadAccountAsync(Store, account))!.Spent);
        return spent;
    }

    private static async Task RequireWholeAsync(SharedLedger ledger, Server server, AccountId account)
    {
        Assert.Empty((await server.Storage.Guard.VerifyAsync(Store)).Faults);
        Assert.Empty(await server.Storage.Ledger.VerifyAsync(Store));
        Assert.True((await ledger.ChargeAsync(server, account, 1)).IsAdmitted);
        await server.TellAsync();
        Assert.Null(await server.Storage.Guard.ReadSuspensionAsync(Store));
    }
}
