using System.Diagnostics;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>What an activation of a budget reads and holds, whatever its account has done.</summary>
public class BudgetGrainSizeTests(ITestOutputHelper output)
{
    private const int Grains = 700;
    private const int Rounds = 3;
    private const int MostBytes = 64 << 10;
    private static readonly StoreId Store = new("0000000000000000000000000000517e");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    /// <summary>That one such read takes the same steps after any number of entries is the storage's own test.</summary>
    [Fact]
    public async Task An_activation_reads_the_ledger_once()
    {
        CountedLedger ledger = null!;
        await using var silos = await StartAsync(inner => ledger = new CountedLedger(inner, tiers: 0));
        await silos.Storage.Ledger.CreateStoreAsync(Store, Limit);
        var account = new AccountId($"{1:x32}");
        await silos.Storage.Ledger.SetLimitAsync(Store, account, Limit);
        for (var i = 0; i < 1000; i++)
            await silos.Storage.Ledger.ChargeAsync(Store, account, new RequestId($"q{i}"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0));
        var grain = Grain(silos, account);

        // What it charged it adds by itself; after a refusal it looks again.
        string[] expected = ["read account", "", "charge", "", "charge, read account"];
        Assert.Equal(expected, await UntilAsync(async attempt =>
        {
            silos.Service<Generation>(0).Drop();
            ledger.Take();
            var calls = new List<string>();
            Assert.Equal(999 + attempt, (await grain.GetAsync(CancellationToken.None))!.SpentMuSquared);
            Took();
            await grain.GetAsync(CancellationToken.None);
            Took();
            await grain.ChargeAsync(new ChargeCommand($"q-{attempt}", [1], 1, 0), CancellationToken.None);
            Took();
            Assert.Equal(1000 + attempt, (await grain.GetAsync(CancellationToken.None))!.SpentMuSquared);
            Took();
            Assert.NotNull((await grain.ChargeAsync(new ChargeCommand("r", [1], Limit.Amount.MuSquared, 0), CancellationToken.None)).Refusal);
            Took();
            return calls;

            void Took() => calls.Add(string.Join(", ", ledger.Take()));
        }, calls => calls.SequenceEqual(expected)));
    }

    /// <summary>Of accounts with nothing open, with as much as a grain remembers, and with far more. In a process of its own, since memory is the process's.</summary>
    [Fact]
    public async Task A_grain_holds_at_most_64_KiB()
    {
        var start = new ProcessStartInfo("dotnet", [typeof(BudgetGrainSizeTests).Assembly.Location, "-method", $"*.{nameof(Measure)}", "-explicit", "only", "-noColor", "-showLiveOutput"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        output.WriteLine(said);
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0", said);
    }

    /// <summary>What the test above runs by itself.</summary>
    [Fact(Explicit = true)]
    public async Task Measure()
    {
        foreach (var tiers in new[] { 0, BudgetCopy.MostOpenKept, 20 * BudgetCopy.MostOpenKept })
            await MeasureAsync(tiers);
    }

    private async Task MeasureAsync(int tiers)
    {
        CountedLedger ledger = null!;
        await using var silos = await StartAsync(inner => ledger = new CountedLedger(inner, tiers));
        await ActivateAsync(silos, Grains * Rounds, 50);
        long each = 0;
        // The cluster of the measurement before goes in several steps, so that one may be too small; the largest counts.
        for (var round = 0; round < Rounds; round++)
        {
            var before = await MemoryAsync();
            await ActivateAsync(silos, round * Grains, Grains);
            each = Math.Max(each, (await MemoryAsync() - before) / Grains);
        }
        output.WriteLine($"{tiers} tiers open: {each} bytes a grain");
        // They are all there, and asked twice at once those that remember read once.
        Assert.True(await silos.Service<IGrainFactory>(0).GetGrain<IManagementGrain>(0).GetTotalActivationCount() > Rounds * Grains);
        var expected = tiers <= BudgetCopy.MostOpenKept ? 0 : 10;
        Assert.Equal(expected, await UntilAsync(async _ =>
        {
            await ActivateAsync(silos, 0, 10);
            ledger.Take();
            await ActivateAsync(silos, 0, 10);
            return ledger.Take().Count;
        }, reads => reads == expected));
        Assert.InRange(each, 500, MostBytes);

        async Task ActivateAsync(TestSilos silos, int first, int count)
        {
            for (var i = first; i < first + count; i++)
                Assert.Equal(tiers, (await Grain(silos, new AccountId($"{i:x32}")).GetAsync(CancellationToken.None))!.Opened.Length);
        }
    }

    /// <summary>What is measured; a few times, where a machine is so busy that what is remembered grows old meanwhile.</summary>
    private static async Task<T> UntilAsync<T>(Func<int, Task<T>> measure, Func<T, bool> isExpected)
    {
        const int MostAttempts = 10;
        for (var attempt = 1; ; attempt++)
        {
            if (await measure(attempt) is var found && (isExpected(found) || attempt == MostAttempts))
                return found;
        }
    }

    /// <summary>What is in use, once no more is collected.</summary>
    private static async Task<long> MemoryAsync()
    {
        var least = long.MaxValue;
        for (var quiet = 0; quiet < 3; quiet++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var now = GC.GetTotalMemory(forceFullCollection: true);
            if (now < least - (64 << 10))
                quiet = 0;
            least = Math.Min(least, now);
            await Task.Delay(50);
        }
        return least;
    }

    // Nothing that is remembered is dropped meanwhile: the generation is polled, and nobody raises it.
    private static Task<TestSilos> StartAsync(Func<IBudgetLedger, CountedLedger> count) =>
        TestSilos.StartAsync(configure: options => options.GenerationPoll = TimeSpan.FromSeconds(4), replace: (services, storage) => services.AddSingleton<IBudgetLedger>(count(storage.Ledger)));

    private static IBudgetGrain Grain(TestSilos silos, AccountId account) =>
        silos.Service<IGrainFactory>(0).GetGrain<IBudgetGrain>(GrainKey.Of(Store, account.Value));
}
