using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>Nothing else runs meanwhile: the memory that is measured is the process's.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}

/// <summary>What an activation of a budget reads and holds, whatever its account has done.</summary>
[Collection(AloneCollection.Name)]
public class BudgetGrainSizeTests(ITestOutputHelper output)
{
    private const int Grains = 2000;
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

        Assert.Equal(1000, (await grain.GetAsync(CancellationToken.None))!.SpentMuSquared);
        Assert.Equal(["read account"], ledger.Take());
        await grain.GetAsync(CancellationToken.None);
        Assert.Empty(ledger.Take());
        await grain.ChargeAsync(new ChargeCommand("q", [1], 1, 0), CancellationToken.None);
        Assert.Equal(["charge", "read account"], ledger.Take());
    }

    /// <summary>Of accounts with nothing open, with as much as a grain remembers, and with far more.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(5000)]
    public async Task A_grain_holds_at_most_64_KiB(int tiers)
    {
        CountedLedger ledger = null!;
        await using var silos = await StartAsync(inner => ledger = new CountedLedger(inner, tiers));
        for (var warm = 0; warm < 50; warm++)
            await Grain(silos, new AccountId($"{Grains + warm:x32}")).GetAsync(CancellationToken.None);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < Grains; i++)
            Assert.Equal(tiers, (await Grain(silos, new AccountId($"{i:x32}")).GetAsync(CancellationToken.None))!.Opened.Length);
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Grains;
        output.WriteLine($"{tiers} tiers open: {each} bytes a grain");
        // They are all there: asked again, those that remember do not read.
        ledger.Take();
        for (var i = 0; i < Grains; i++)
            await Grain(silos, new AccountId($"{i:x32}")).GetAsync(CancellationToken.None);
        Assert.Equal(tiers <= 256 ? 0 : Grains, ledger.Take().Count);
        Assert.InRange(each, 0, MostBytes);
    }

    // Nothing that is remembered is dropped meanwhile: the generation is polled, and nobody raises it.
    private static Task<TestSilos> StartAsync(Func<IBudgetLedger, CountedLedger> count) =>
        TestSilos.StartAsync(replace: (services, storage) => services.AddSingleton<IBudgetLedger>(count(storage.Ledger)));

    private static IBudgetGrain Grain(TestSilos silos, AccountId account) =>
        silos.Service<IGrainFactory>(0).GetGrain<IBudgetGrain>(GrainKey.Of(Store, account.Value));
}
