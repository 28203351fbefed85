using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>Tests that make the storage of the same silos fail: one after another.</summary>
[CollectionDefinition(Name)]
public sealed class FaultyCollection : ICollectionFixture<FaultySilos>
{
    public const string Name = "faulty silos";
}

/// <summary>Two silos on a storage whose calls can be made to fail.</summary>
public sealed class FaultySilos : SharedSilos
{
    public FaultySilos()
        : base(2)
    {
    }

    internal FaultPlan Plan { get; } = new();

    private protected override Task<TestSilos> StartAsync() => TestSilos.StartAsync(
        2,
        options => options.CallDeadline = TimeSpan.FromSeconds(8),
        replace: (services, storage) =>
        {
            services.AddSingleton<ICatalog>(new FaultyCatalog(storage.Catalog, Plan));
            services.AddSingleton<ISegmentStore>(new FaultySegments(storage.Segments, Plan));
            services.AddSingleton<IBudgetLedger>(new FaultyLedger(storage.Ledger, Plan));
        });
}
