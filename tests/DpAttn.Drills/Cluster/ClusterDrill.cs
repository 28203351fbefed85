using DpAttn.LocalCluster;

namespace DpAttn.Drills;

/// <summary>Does one thing after another to a cluster under load, and watches each for as long as its bound and some more.</summary>
internal sealed class ClusterDrill(LocalCluster.Cluster cluster, ClusterLoad load, ClusterBounds bounds)
{
    // Past a bound: what exceeds it has to be seen.
    private static readonly TimeSpan Beyond = TimeSpan.FromSeconds(2);

    // The database is away for less than caches answer without it.
    private static readonly TimeSpan AfterStop = TimeSpan.FromSeconds(6), AfterAdd = TimeSpan.FromSeconds(2), AfterRestart = TimeSpan.FromSeconds(1), Away = TimeSpan.FromSeconds(3);

    /// <summary>kill -9; later it is started again.</summary>
    public async Task KillAsync(int silo)
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        await cluster.Silos[silo].KillAsync();
        await WriteAsync(DisturbanceKind.Kill, cluster.Silos[silo].Name, began, bounds.Kill + Beyond);
        await StartAsync(cluster.Silos[silo]);
    }

    /// <summary>SIGSTOP; later it is killed, and started again unless it is the last thing.</summary>
    public async Task FreezeAsync(int silo, bool isLast = false)
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        cluster.Silos[silo].Signal("-STOP");
        await WriteAsync(DisturbanceKind.Freeze, cluster.Silos[silo].Name, began, bounds.Freeze + Beyond);
        await cluster.Silos[silo].KillAsync();
        if (!isLast)
            await StartAsync(cluster.Silos[silo]);
    }

    /// <summary>SIGTERM; later it is started again.</summary>
    public async Task StopAsync(int silo)
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        await load.StopAsync(cluster.Silos[silo]);
        await WriteAsync(DisturbanceKind.Stop, cluster.Silos[silo].Name, began, AfterStop);
        await StartAsync(cluster.Silos[silo]);
    }

    /// <summary>A silo that was not there before.</summary>
    public async Task AddAsync()
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        var silo = await cluster.AddSiloAsync();
        await WriteAsync(DisturbanceKind.Add, silo.Name, began, AfterAdd);
    }

    /// <summary>PostgreSQL is stopped, and started again a moment later.</summary>
    public Task RestartDatabaseAsync() => load.WithoutPublishesAsync(async () =>
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        await Task.Run(() => cluster.Postgres.Stop());
        var gone = DateTimeOffset.UtcNow;
        await Task.Delay(Away);
        var back = DateTimeOffset.UtcNow;
        await cluster.Postgres.StartAgainAsync();
        await WriteAsync(DisturbanceKind.Database, "PostgreSQL", began, AfterRestart, (gone, back));
    });

    private async Task BeginAsync()
    {
        await load.CalmAsync();
        foreach (var silo in cluster.Silos.Where(silo => silo.EndedBy is not null))
        {
            load.Add(EndReason.ByItself, silo);
            await silo.StartAsync();
        }
    }

    private async Task StartAsync(ClusterProcess silo)
    {
        await load.CalmAsync();
        var began = DateTimeOffset.UtcNow;
        await silo.StartAsync();
        await WriteAsync(DisturbanceKind.Add, silo.Name, began, AfterAdd);
    }

    private async Task WriteAsync(DisturbanceKind kind, string what, DateTimeOffset began, TimeSpan watch, (DateTimeOffset Gone, DateTimeOffset Back)? away = null)
    {
        var ended = DateTimeOffset.UtcNow;
        await Task.Delay(watch);
        load.Add(new Disturbance(kind, what, began, ended, DateTimeOffset.UtcNow, away));
    }
}
