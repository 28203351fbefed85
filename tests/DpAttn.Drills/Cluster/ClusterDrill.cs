using DpAttn.LocalCluster;

namespace DpAttn.Drills;

/// <summary>Does one thing after another to a cluster under load, and watches each for as long as its bound and some more.</summary>
internal sealed class ClusterDrill(LocalCluster.Cluster cluster, ClusterLoad load)
{
    private static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(12), Frozen = TimeSpan.FromSeconds(18), AfterStop = TimeSpan.FromSeconds(6), AfterAdd = TimeSpan.FromSeconds(2), Away = TimeSpan.FromSeconds(2);

    /// <summary>kill -9; later it is started again.</summary>
    public async Task KillAsync(int silo)
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        await cluster.Silos[silo].KillAsync();
        await WriteAsync(DisturbanceKind.Kill, cluster.Silos[silo].Name, began, AfterKill);
        await StartAsync(cluster.Silos[silo]);
    }

    /// <summary>SIGSTOP; later it is killed, and started again unless it is the last thing.</summary>
    public async Task FreezeAsync(int silo, bool isLast = false)
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        cluster.Silos[silo].Signal("-STOP");
        await WriteAsync(DisturbanceKind.Freeze, cluster.Silos[silo].Name, began, Frozen);
        await cluster.Silos[silo].KillAsync();
        if (!isLast)
            await StartAsync(cluster.Silos[silo]);
    }

    /// <summary>SIGTERM; later it is started again.</summary>
    public async Task StopAsync(int silo)
    {
        await BeginAsync();
        var began = DateTimeOffset.UtcNow;
        if (await cluster.Silos[silo].StopAsync() is not 0 and var code)
            load.Faults.Enqueue($"{cluster.Silos[silo].Name} was told to stop and ended with {code}");
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
        await Task.Delay(Away);
        await cluster.Postgres.StartAgainAsync();
        await WriteAsync(DisturbanceKind.Database, "PostgreSQL", began, AfterStop);
    });

    private async Task BeginAsync()
    {
        await load.CalmAsync();
        foreach (var silo in cluster.Silos.Where(silo => !silo.IsRunning))
        {
            load.Faults.Enqueue($"{silo.Name} ended by itself before {DateTimeOffset.UtcNow:HH:mm:ss}");
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

    private async Task WriteAsync(DisturbanceKind kind, string what, DateTimeOffset began, TimeSpan watch)
    {
        var ended = DateTimeOffset.UtcNow;
        await Task.Delay(watch);
        load.Add(new Disturbance(kind, what, began, ended, DateTimeOffset.UtcNow));
    }
}
