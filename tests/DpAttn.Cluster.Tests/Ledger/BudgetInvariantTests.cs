using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>
/// Random operations from 8 threads over 2 silos while the storage fails: granted charges never exceed a limit at any moment, every charge that was told is in the
/// ledger, no request is charged twice, and what was refused has changed nothing.
/// </summary>
public abstract class BudgetInvariants(ITestOutputHelper output)
{
    private const int Threads = 8;
    private const double FaultShare = 0.04;

    private protected abstract Task<TestStorage> CreateAsync();

    /// <summary>Whether one writer stamps all entries, in their order.</summary>
    private protected abstract bool IsOrdered { get; }

    [Fact]
    public Task Limits_hold_and_nothing_is_charged_twice_while_the_storage_fails() => HoldsAsync(10_000);

    [Fact, Trait("Suite", "Long")]
    public Task Limits_hold_and_nothing_is_charged_twice_over_100_000_operations() => HoldsAsync(100_000);

    /// <summary>The check says something: each fault that is planted in the ledger is found.</summary>
    [Theory]
    [InlineData(PlantedFault.ForgetsACharge, "is not in the ledger")]
    [InlineData(PlantedFault.ReadsAndNeverWrites, "is not in the ledger")]
    [InlineData(PlantedFault.ChargesARetry, "charged, and nobody who asked for it")]
    [InlineData(PlantedFault.ChargesWhatItRefuses, "is a limit that nobody set")]
    [InlineData(PlantedFault.SaysNothingOfACharge, "charged, and nobody who asked for it")]
    [InlineData(PlantedFault.ChargesALittleMore, "another amount")]
    internal async Task A_ledger_that_is_wrong_now_and_then_is_found_out(PlantedFault fault, string found)
    {
        var (_, faults, _) = await RunAsync(2_000, 7, ledger => new PlantedLedger(ledger, fault));
        Assert.Contains(faults, text => text.Contains(found, StringComparison.Ordinal));
    }

    private async Task HoldsAsync(int operations)
    {
        var (journal, faults, drawn) = await RunAsync(operations, 1, ledger => ledger);
        foreach (var (what, count) in journal.Count().OrderBy(pair => pair.Key))
            output.WriteLine($"{count,7} {what}");
        Assert.Empty(faults);
        // The run must have met every fault and every kind of decision, or it says little. Each is expected 17 times or more: missing one by chance is
        // less likely than 1e-7.
        Assert.Equal([Fault.Before, Fault.After, Fault.Hang, Fault.Late, Fault.Stale, Fault.Busy, Fault.Corrupt], drawn.Keys.Order());
        string[] wanted =
        [
            "charge Admitted", "charge Replayed", "charge Unknown", "charge Failed", "charge Refused AccountLimit", "charge Refused StoreLimit", "charge Refused RequestConflict",
            "open Admitted", "open Replayed", "open Unknown", "open Failed", "open Refused AccountLimit", "open Refused RequestConflict",
            "limit Admitted", "limit Refused LimitBelowSpent", "limit Unknown", "store limit Admitted", "store limit Refused LimitBelowSpent",
        ];
        Assert.Empty(wanted.Except(journal.Count().Keys));
    }

    private async Task<(BudgetJournal Journal, IReadOnlyList<string> Faults, IReadOnlyDictionary<Fault, int> Drawn)> RunAsync(int operations, int seed, Func<IBudgetLedger, IBudgetLedger> plant)
    {
        var plan = new FaultPlan { HangsFor = TimeSpan.FromMilliseconds(40), Lateness = TimeSpan.FromMilliseconds(60) };
        await using var silos = await TestSilos.StartAsync(
            2,
            replace: (services, storage) => services.AddSingleton<IBudgetLedger>(new FaultyLedger(plant(storage.Ledger), plan)),
            storage: await CreateAsync());
        var (store, releases) = await StoreAsync(silos);
        var journal = new BudgetJournal();
        var faults = new SeededFaults(seed, FaultShare);
        var work = new BudgetWorkload(silos, silos.Service<IBudgetLedger>(0), store, releases, journal, seed);
        plan.Every = faults.Next;
        await work.RunAsync(operations, Threads);
        plan.Every = null;
        await Wait.UntilAsync(() => Task.FromResult(plan.UnderWay == 0));
        await work.SettleAsync();
        return (journal, await journal.CheckAsync(silos.Storage.Ledger, store, IsOrdered), faults.Drawn);
    }

    /// <summary>A store with releases to open.</summary>
    private static async Task<(StoreId Store, IReadOnlyList<string> Releases)> StoreAsync(TestSilos silos)
    {
        var owner = await silos.PrincipalAsync(Roles.Owner, "owner");
        await silos.FrontDoor.EnsureStoreAsync(owner, "s", Samples.Definition(limit: 0.5) with { Ladder = [0.05, 0.1, 0.2] });
        var scene = new Scene(silos.FrontDoor, "s", owner, []);
        var releases = new List<string> { await scene.LoadedAsync() };
        for (var i = 0; i < 5; i++)
            releases.Add((await scene.PublishAsync()).Id);
        return (new StoreId(await scene.IncarnationAsync()), releases);
    }
}

/// <summary>On the embedded storage.</summary>
public sealed class SqliteBudgetInvariantTests(ITestOutputHelper output) : BudgetInvariants(output)
{
    private protected override bool IsOrdered => true;

    private protected override Task<TestStorage> CreateAsync() => Task.FromResult<TestStorage>(SqliteTestStorage.Open());
}

/// <summary>On PostgreSQL, where the transactions of several connections stamp the entries, each as it begins.</summary>
public sealed class PostgresBudgetInvariantTests(ITestOutputHelper output) : BudgetInvariants(output)
{
    private protected override bool IsOrdered => false;

    private protected override async Task<TestStorage> CreateAsync() => await PostgresTestStorage.OpenAsync();
}
