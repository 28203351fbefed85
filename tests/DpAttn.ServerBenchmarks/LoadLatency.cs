using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace DpAttn.Benchmarks.Server;

/// <summary>How long attend takes, at 100 requests a second, while the same silo takes in rows as fast as it can.</summary>
internal static class LoadLatency
{
    private const int RequestsPerSecond = 100;
    private const int Seconds = 20;
    private const int Loaders = 2;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        await using var cluster = await BenchCluster.StartAsync(20_000);
        var query = Data.UnitRows(1, BenchCluster.Dimension, 7);
        var body = Encoding.UTF8.GetBytes($"{{\"queries\":[[{string.Join(',', query.Data.Select(x => ((double)x).ToString("R")))}]]}}");
        await MeasureAsync(cluster, body, "without load");
        using var stop = new CancellationTokenSource();
        long batches = 0;
        var loaders = Enumerable.Range(0, Loaders).Select(loader => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                await BenchCluster.LoadAsync(cluster.Owner, $"load-{loader}-{i}", 4096, loader * 1000 + i);
                Interlocked.Increment(ref batches);
            }
        })).ToArray();
        var publisher = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                await cluster.Owner.PublishAsync(BenchCluster.Store);
        });
        var began = Stopwatch.GetTimestamp();
        await MeasureAsync(cluster, body, "while rows are loaded and published");
        var rate = Interlocked.Read(ref batches) * 4096 / Stopwatch.GetElapsedTime(began).TotalSeconds;
        await stop.CancelAsync();
        await Task.WhenAll([.. loaders, publisher]);
        Console.WriteLine($"  loaded {rate:N0} rows a second meanwhile (p99 below 50 ms is asked for)");
    }

    /// <summary>Open loop: a request is due every 10 ms whether or not the last one is answered, and waits are counted from when it was due.</summary>
    private static async Task MeasureAsync(BenchCluster cluster, byte[] body, string name)
    {
        const int Connections = 16;
        var idle = new ConcurrentBag<RawHttp>(Enumerable.Range(0, Connections).Select(_ =>
            new RawHttp(cluster.Cluster.Endpoint, $"/v1/stores/{BenchCluster.Store}/attend", cluster.UserKey, "application/json", body)));
        foreach (var connection in idle)
            connection.Ask();
        var took = new ConcurrentBag<double>();
        var asked = new List<Task>();
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < RequestsPerSecond * Seconds; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / RequestsPerSecond);
            var wait = due - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait);
            asked.Add(Task.Run(() =>
            {
                RawHttp? connection;
                while (!idle.TryTake(out connection))
                    Thread.Sleep(1);
                connection.Ask();
                took.Add((Stopwatch.GetElapsedTime(began) - due).TotalMilliseconds);
                idle.Add(connection);
            }));
        }
        await Task.WhenAll(asked);
        var sorted = took.Order().ToArray();
        Console.WriteLine($"  {name,-40} p50 {sorted[sorted.Length / 2],7:F2} ms   p99 {sorted[sorted.Length * 99 / 100],7:F2} ms   max {sorted[^1],7:F2} ms");
        foreach (var connection in idle)
            connection.Dispose();
    }
}
