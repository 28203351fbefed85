using DpAttn.Cluster;

namespace DpAttn.Server;

/// <summary>What every process that holds stores has: storage, grains, and the first operator key.</summary>
internal static class SiloServices
{
    public static void Add(WebApplicationBuilder builder, ServerOptions options, Action<string>? showOperatorKey)
    {
        var services = builder.Services;
        ServerStorage.Add(services, options);
        services.AddDpAttnCluster(cluster =>
        {
            if (options.ScanThreads > 0)
                cluster.ScanThreads = options.ScanThreads;
            cluster.NodeCacheBytes = (long)options.NodeCacheMiB << 20;
            cluster.PartCacheBytes = (long)options.PartCacheMiB << 20;
            cluster.SumBytes = (long)options.SumMiB << 20;
            cluster.IngestBytes = (long)options.IngestMiB << 20;
            cluster.RowBytes = (long)options.RowMiB << 20;
            JwtSettings.Apply(options, cluster.Jwt);
            cluster.AnswerRetention = TimeSpan.FromDays(options.AnswerRetentionDays);
            cluster.GatewayCalls = options.MaxGatewayCalls;
            cluster.MaxQueries = options.MaxQueries;
        });
        services.AddHostedService(provider => new FirstOperatorKey(provider.GetRequiredService<IOperatorKeys>(), showOperatorKey ?? FirstOperatorKey.ShowOnConsole));
        // The engine tells much at its start, and of every grain that it places, and its watchdog counts from the machine's boot.
        builder.Logging.AddFilter("Orleans", LogLevel.Warning).AddFilter("Polly", LogLevel.Warning).AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error).AddFilter("Orleans.Runtime.Silo", LogLevel.Error);
    }
}
