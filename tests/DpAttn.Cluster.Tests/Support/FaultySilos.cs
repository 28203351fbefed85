using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>Two silos on a storage whose calls can be made to fail. Its tests run one after another.</summary>
public sealed class FaultySilos : SharedSilos
{
    public FaultySilos()
        : base(2)
    {
    }

    internal FaultPlan Plan { get; } = new();

    private protected override Task<TestSilos> StartAsync() => TestSilos.StartAsync(
        2,
        options => options.CallDeadline = TimeSpan.FromSeconds(3),
        replace: (services, storage) =>
        {
            services.AddSingleton<ICatalog>(new FaultyCatalog(storage.Catalog, Plan));
            services.AddSingleton<ISegmentStore>(new FaultySegments(storage.Segments, Plan));
            services.AddSingleton<IBudgetLedger>(new FaultyLedger(storage.Ledger, Plan));
        });
}
