using DpAttn.Cluster;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.IdentityModel.Protocols;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the grains' services in a silo.</summary>
public static class ClusterRegistration
{
    /// <summary>
    /// Adds what the grains stand on, and <see cref="IFrontDoor"/>. The three storage interfaces (<see cref="IBudgetLedger"/>,
    /// <see cref="ISegmentStore"/>, <see cref="DpAttn.Storage.ICatalog"/>), the <see cref="LedgerGuard"/> of the ledger, <see cref="SecretProtector"/> and, where the
    /// storage is a file, <see cref="IStorageBackup"/> are registered by the caller; so may be an <see cref="IDocumentRetriever"/>, which fetches the documents of the issuer of tokens.
    /// </summary>
    /// <exception cref="ArgumentException">A setting out of its range; the message names it.</exception>
    public static IServiceCollection AddDpAttnCluster(this IServiceCollection services, Action<ClusterOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = new ClusterOptions();
        configure?.Invoke(options);
        options.Validate();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddMetrics();
        services.AddSingleton<ClusterInstruments>();
        services.AddSingleton<Generation>();
        services.AddSingleton<StoreSecrets>();
        services.AddSingleton<RowSets>();
        services.AddSingleton<RowMemory>();
        services.AddSingleton<PerQueryRuns>();
        services.AddSingleton<StoreDirectory>();
        services.AddSingleton<IndexKey>();
        if (options.Jwt.IsOn)
            services.AddSingleton(provider => new JwtTokens(options.Jwt, provider.GetRequiredService<TimeProvider>(), provider.GetService<IDocumentRetriever>()));
        services.AddSingleton<CredentialDirectory>();
        services.AddSingleton<IOperatorKeys, OperatorKeys>();
        services.AddSingleton<ScanScheduler>();
        services.AddSingleton<IngestGate>();
        services.AddSingleton<ReleasedNodes>();
        services.AddSingleton<PartCache>();
        services.AddSingleton<KeptSums>();
        services.AddSingleton<StoreServices>();
        services.AddSingleton<Sweeper>();
        services.AddSingleton<Entitlements>();
        services.TryAddSingleton<INoiseSources, KeyedNoiseSources>();
        services.AddSingleton<ClusterFrontDoor>();
        services.AddSingleton<IFrontDoor>(provider => new FaultsAtTheDoor(provider.GetRequiredService<ClusterFrontDoor>()));
        services.AddSingleton<SiloSeal>();
        services.AddSingleton<GatewayGate>();
        services.AddSingleton<IOutgoingGrainCallFilter, SealingFilter>();
        services.AddSingleton<IIncomingGrainCallFilter, GatewayFilter>();
        services.AddSingleton<IIncomingGrainCallFilter, GrainFaults>();
        services.AddSingleton<LedgerFaults>();
        services.AddHostedService<SiloGauges>();
        services.AddPlacementDirector<ShardPlacement, ShardPlacementDirector>();
        services.AddHostedService<LedgerWatch>();
        services.AddHostedService<ClusterJobs>();
        return services;
    }
}
