using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>10,000 concurrent charges from two silos against a limit that admits exactly 777 of them: a user's, and a store's over 100 users.</summary>
public abstract class ExactAdmission : IAsyncLifetime
{
    private const int Charges = 10_000;
    private const int Admissible = 777;
    private static readonly StoreId Store = new("00000000000000000000000000000777");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6)), Larger = new(new Epsilon(2), new Delta(1e-5));
    private static readonly PrivacyAmount Cost = new(Limit.Amount.MuSquared / Admissible, 1);
    private TestSilos _silos = null!;

    private IBudgetLedger Ledger => _silos.Storage.Ledger;

    private protected abstract Task<TestStorage> CreateAsync();

    public async ValueTask InitializeAsync() => _silos = await TestSilos.StartAsync(2, storage: await CreateAsync());

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        // None, when the test was skipped for want of a server.
        if (_silos is not null)
            await _silos.DisposeAsync();
    }

    [Fact]
    public async Task A_users_limit_for_777_admits_777_of_10_000()
    {
        await Ledger.CreateStoreAsync(Store, Larger);
        var user = await GrantAsync(0, Limit);

        var outcomes = await RaceAsync(Enumerable.Range(0, Charges), _ => user);

        Assert.Equal(Admissible, outcomes.Count(outcome => outcome is null));
        Assert.All(outcomes, refusal => Assert.True(refusal is null or RefusalReason.AccountLimit));
        Assert.Equal(Admissible * Cost.MuSquared, (await Ledger.ReadAccountAsync(Store, user))!.Spent.MuSquared);
        Assert.Equal(1 + Admissible, (await Ledger.ListEntriesAsync(Store, user, 0, Charges)).Count);
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    /// <summary>A store may keep back what others have reserved; who was refused tries again, until nobody gets anything more.</summary>
    [Fact]
    public async Task A_stores_limit_for_777_admits_777_of_10_000_charges_of_100_users()
    {
        await Ledger.CreateStoreAsync(Store, Limit);
        var users = new List<AccountId>();
        for (var i = 0; i < 100; i++)
            users.Add(await GrantAsync(i, Larger));

        int[] left = [.. Enumerable.Range(0, Charges)];
        for (var quiet = 0; quiet < 2 && left.Length > 0;)
        {
            var outcomes = await RaceAsync(left, charge => users[charge % users.Count]);
            Assert.All(outcomes, refusal => Assert.True(refusal is null or RefusalReason.StoreLimit));
            quiet = outcomes.Contains(null) ? 0 : quiet + 1;
            left = [.. left.Where((_, i) => outcomes[i] is not null)];
        }

        Assert.Equal(Charges - Admissible, left.Length);
        Assert.Equal(Admissible * Cost.MuSquared, (await Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        var spent = await Task.WhenAll(users.Select(user => Ledger.ReadAccountAsync(Store, user)));
        Assert.Equal(Admissible * Cost.MuSquared, spent.Sum(budget => budget!.Spent.MuSquared));
        Assert.Empty(await Ledger.VerifyAsync(Store));
    }

    private async Task<AccountId> GrantAsync(int number, PrivacyLimit limit)
    {
        var account = new AccountId($"{number:x32}");
        Assert.True((await Ledger.SetLimitAsync(Store, account, limit)).IsAdmitted);
        return account;
    }

    /// <summary>All at once, every other one through the other silo.</summary>
    /// <returns>Why each was refused; null for what was admitted.</returns>
    private async Task<RefusalReason?[]> RaceAsync(IEnumerable<int> charges, Func<int, AccountId> userOf)
    {
        IGrainFactory[] silos = [_silos.Service<IGrainFactory>(0), _silos.Service<IGrainFactory>(1)];
        var calls = charges.Select(charge => silos[charge % 2].GetGrain<IBudgetGrain>(GrainKey.Of(Store, userOf(charge).Value))
            .ChargeAsync(new ChargeCommand($"request-{charge}", [1], Cost.MuSquared, Cost.Slack), CancellationToken.None));
        return [.. (await Task.WhenAll(calls)).Select(outcome => outcome.Refusal)];
    }
}

/// <summary>On the embedded storage.</summary>
public sealed class SqliteExactAdmissionTests : ExactAdmission
{
    private protected override Task<TestStorage> CreateAsync() => Task.FromResult<TestStorage>(SqliteTestStorage.Open());
}

/// <summary>On PostgreSQL, where every user's slab keeps back some of the store's limit until it is reclaimed.</summary>
public sealed class PostgresExactAdmissionTests : ExactAdmission
{
    private protected override async Task<TestStorage> CreateAsync() => await PostgresTestStorage.OpenAsync();
}
