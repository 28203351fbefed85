using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using Npgsql;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>
/// Two writers on one database do everything to one store at once: charges, tiers, grants, store limits up and down, and retries with the same ids. Whatever happens, what was
/// granted is what the ledger says, and nobody waits for anybody in a circle.
/// </summary>
public sealed class LedgerStressTests : IAsyncLifetime
{
    private const int Threads = 8;
    private const int OperationsOfOne = 150;

    private static readonly StoreId Store = new("store-1");
    private static readonly ReleaseId[] Releases = [new("r1"), new("r2"), new("r3")];
    private static readonly AccountId[] Accounts = [.. Enumerable.Range(0, 12).Select(i => new AccountId($"account-{i}"))];
    private static readonly PrivacyLimit[] Limits = [.. new[] { 0.5, 1, 1.5, 2 }.Select(epsilon => new PrivacyLimit(new Epsilon(epsilon), new Delta(1e-6)))];

    private PostgresUnderTest? _under;

    public async ValueTask InitializeAsync() => _under = await PostgresUnderTest.CreateAsync();

    public async ValueTask DisposeAsync()
    {
        if (_under is not null)
            await _under.DisposeAsync();
    }

    [Fact]
    public async Task Whatever_two_writers_do_at_once_the_ledger_is_whole_and_says_what_was_granted()
    {
        var ledger = _under!.Ledger;
        await ledger.CreateStoreAsync(Store, Limits[1]);
        foreach (var account in Accounts)
            await ledger.SetLimitAsync(Store, account, Limits[2]);

        var granted = await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(() => WorkAsync(thread % 2 == 0 ? ledger : _under.Other.Ledger, thread))));

        var totals = Accounts.ToDictionary(account => account, _ => PrivacyAmount.Zero);
        foreach (var (account, cost) in granted.SelectMany(costs => costs))
            totals[account] += cost;
        foreach (var account in Accounts)
        {
            var budget = (await ledger.ReadAccountAsync(Store, account))!;
            Assert.Equal(totals[account], budget.Spent);
            Assert.True(budget.Spent.FitsIn(budget.Limit));
        }
        var store = (await ledger.ReadStoreAsync(Store))!;
        Assert.True((store.Spent + store.Reserved).FitsIn(store.Limit));
        Assert.Empty(await ledger.VerifyAsync(Store));
        Assert.Empty((await _under.Storage.Guard.VerifyAsync(Store)).Faults);
        // The order of locks leaves no circle; a deadlock that was found and tried again would stand here.
        await using var connection = new NpgsqlConnection($"{_under.Options.ConnectionString};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", connection);
        Assert.Equal(0L, await command.ExecuteScalarAsync());
    }

    /// <summary>Operations that follow from the thread's number; returns what was charged to whom, each request once.</summary>
    private static async Task<List<(AccountId, PrivacyAmount)>> WorkAsync(IBudgetLedger ledger, int thread)
    {
        // Mixed by a multiplicative step: every thread takes another way through the same operations.
        var state = (uint)(thread * 2_654_435_761u + 12345);
        var prices = new Ladder([.. new[] { 0.02, 0.1, 0.3 }.Select(part => (long)(part * Limits[0].Amount.MuSquared))]);
        var costs = new List<(AccountId, PrivacyAmount)>();
        for (var i = 0; i < OperationsOfOne; i++)
        {
            var account = Accounts[Next(Accounts.Length)];
            var request = new RequestId($"{thread}-{i}");
            switch (Next(20))
            {
                case 0:
                    await RetryAsync(() => ledger.SetStoreLimitAsync(Store, Limits[Next(Limits.Length)]));
                    break;
                case 1 or 2:
                    await RetryAsync(() => ledger.SetLimitAsync(Store, account, Limits[Next(Limits.Length)]));
                    break;
                case < 8:
                    var (release, tier) = (Releases[Next(Releases.Length)], Next(3));
                    Note(await RetryAsync(() => ledger.OpenAsync(Store, account, request, RequestFingerprint.Of([1]), release, tier, prices)));
                    break;
                default:
                    var cost = new PrivacyAmount(1 + Next(1000) * (Limits[0].Amount.MuSquared / 200_000), Next(3));
                    var first = await RetryAsync(() => ledger.ChargeAsync(Store, account, request, RequestFingerprint.Of([1]), cost));
                    Note(first);
                    if (Next(5) == 0)
                    {
                        // What was refused may fit by now; what was admitted is not charged again.
                        var second = await RetryAsync(() => ledger.ChargeAsync(Store, account, request, RequestFingerprint.Of([1]), cost));
                        Assert.False(first.IsAdmitted && second is not Admitted { IsReplay: true });
                        Note(second);
                    }
                    break;
            }

            void Note(LedgerDecision decision)
            {
                if (decision is Admitted { IsReplay: false } admitted)
                    costs.Add((account, admitted.AccountCost));
            }
        }
        return costs;

        int Next(int below)
        {
            state = state * 1_664_525 + 1_013_904_223;
            return (int)((state >> 8) % (uint)below);
        }
    }

    /// <summary>On a machine that is busy with other things a lock may come late: nothing was changed then, and it is asked again.</summary>
    private static async Task<LedgerDecision> RetryAsync(Func<Task<LedgerDecision>> operation)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await operation();
            }
            catch (StorageUnavailableException) when (attempt < 20)
            {
                await Task.Delay(20);
            }
        }
    }
}
