using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>
/// Split brain: two clusters that know nothing of each other on one storage, and users whose grant, first charge and last charge are each made through both at once.
/// A grain's own storage would accept both first writes; the ledger must not.
/// </summary>
public abstract class FirstAndLastCharge : IAsyncLifetime
{
    private const int AtOnce = 8;
    private static readonly StoreId Store = new("0000000000000000000000000000b0b0");
    private static readonly PrivacyLimit Limit = new(new Epsilon(0.1), new Delta(1e-6)), StoreLimit = new(new Epsilon(8), new Delta(1e-6));

    // Three small charges fit, and of what is left then a last one of one unit more than half: two do not.
    private static readonly PrivacyAmount Small = new(Limit.Amount.MuSquared / 10, 1);
    private static readonly PrivacyAmount Last = new((Limit.Amount.MuSquared - 3 * Small.MuSquared) / 2 + 1, 1);
    private TestSilos _left = null!;
    private TestSilos _right = null!;

    private protected abstract Task<TestStorage> CreateAsync();

    public async ValueTask InitializeAsync()
    {
        _left = await TestSilos.StartAsync(storage: await CreateAsync());
        _right = await TestSilos.StartAsync(sharing: _left);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        // None, when the test was skipped for want of a server.
        if (_right is not null)
            await _right.DisposeAsync();
        if (_left is not null)
            await _left.DisposeAsync();
    }

    [Fact]
    public Task No_user_spends_twice_and_every_account_can_be_read_afterwards() => HoldsAsync(100);

    [Fact, Trait("Suite", "Long")]
    public Task None_of_a_thousand_users_spends_twice_and_every_account_can_be_read_afterwards() => HoldsAsync(1000);

    private async Task HoldsAsync(int users)
    {
        // The store's limit is no matter here: all users together stay below it.
        Assert.True(users * Limit.Amount.MuSquared < StoreLimit.Amount.MuSquared);
        await _left.Storage.Ledger.CreateStoreAsync(Store, StoreLimit);
        for (var first = 0; first < users; first += AtOnce)
            await Task.WhenAll(Enumerable.Range(first, Math.Min(AtOnce, users - first)).Select(number => RaceAsync(AccountOf(number))));

        var expected = 3 * Small.MuSquared + Last.MuSquared;
        foreach (var cluster in new[] { _left, _right })
        {
            // What a grain remembers, it asks for again.
            cluster.Service<Generation>(0).Drop();
            for (var number = 0; number < users; number++)
            {
                var account = AccountOf(number);
                Assert.Equal(expected, (await Grain(cluster, account).GetAsync(CancellationToken.None))!.SpentMuSquared);
                Assert.Equal(5, (await cluster.Storage.Ledger.ListEntriesAsync(Store, account, 0, 100)).Count);
            }
            Assert.Equal(users * expected, (await cluster.Storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
            Assert.Empty(await cluster.Storage.Ledger.VerifyAsync(Store));
        }
    }

    private async Task RaceAsync(AccountId account)
    {
        IBudgetGrain left = Grain(_left, account), right = Grain(_right, account);
        // Granted through both at once: the grant is one entry.
        var grants = await Task.WhenAll(
            Task.Run(() => _left.Storage.Ledger.SetLimitAsync(Store, account, Limit)),
            Task.Run(() => _right.Storage.Ledger.SetLimitAsync(Store, account, Limit)));
        Assert.All(grants, grant => Assert.True(grant.IsAdmitted));

        // The first charge: the same request on both sides, and another one on each.
        var firsts = await Task.WhenAll(
            ChargeAsync(left, "first", Small), ChargeAsync(right, "first", Small), ChargeAsync(left, "first-left", Small), ChargeAsync(right, "first-right", Small));
        Assert.All(firsts, outcome => Assert.Null(outcome.Refusal));
        Assert.Single(firsts[..2], outcome => outcome.IsReplay);

        // The last one: each fits, both do not.
        var lasts = await Task.WhenAll(ChargeAsync(left, "last-left", Last), ChargeAsync(right, "last-right", Last));
        Assert.Single(lasts, outcome => outcome.Refusal is null);
        Assert.Single(lasts, outcome => outcome.Refusal == RefusalReason.AccountLimit);
    }

    private static AccountId AccountOf(int number) => new($"{number:x32}");

    private static IBudgetGrain Grain(TestSilos silos, AccountId account) =>
        silos.Service<IGrainFactory>(0).GetGrain<IBudgetGrain>(GrainKey.Of(Store, account.Value));

    private static Task<ChargeOutcome> ChargeAsync(IBudgetGrain grain, string request, PrivacyAmount cost) =>
        Task.Run(() => grain.ChargeAsync(new ChargeCommand(request, [1], cost.MuSquared, cost.Slack), CancellationToken.None));
}

/// <summary>
/// On the embedded storage, which one process holds alone: there is no second cluster in production. Here two clusters share the storage's objects in one process, so
/// that every grain has two activations; the real split brain, with two connections, is PostgreSQL's.
/// </summary>
public sealed class SqliteFirstAndLastChargeTests : FirstAndLastCharge
{
    private protected override Task<TestStorage> CreateAsync() => Task.FromResult<TestStorage>(SqliteTestStorage.Open());
}

/// <summary>On PostgreSQL, through connections of their own.</summary>
public sealed class PostgresFirstAndLastChargeTests : FirstAndLastCharge
{
    private protected override async Task<TestStorage> CreateAsync() => await PostgresTestStorage.OpenAsync();
}
