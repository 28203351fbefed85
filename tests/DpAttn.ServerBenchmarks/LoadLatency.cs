using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using DpAttn.Client;
using DpAttn.Drills;

namespace DpAttn.Benchmarks.Server;

/// <summary>How long attend takes, at 100 requests a second, while the same server, a process of its own, takes in rows as fast as it can.</summary>
internal static class LoadLatency
{
    private const int RequestsPerSecond = 100;
    private const int Seconds = 15;
    private const int Connections = 8;
    private const int BatchRows = 4096;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-latency-");
        try
        {
            await using var server = new ServerProcess(directory.FullName);
            await server.StartAsync();
            var store = await BenchStore.MakeAsync(server.Endpoint, server.OperatorKey!, 20_000);
            Measure(server.Endpoint, store.UserKey, "without load");
            using var stop = new CancellationTokenSource();
            long batches = 0;
            var began = Stopwatch.GetTimestamp();
            var loader = StartLoader(store.Owner, () => Interlocked.Increment(ref batches), stop.Token);
            Measure(server.Endpoint, store.UserKey, "while rows come in as fast as they can");
            var rate = Interlocked.Read(ref batches) * BatchRows / Stopwatch.GetElapsedTime(began).TotalSeconds;
            var publishing = Task.Run(() => store.Owner.PublishAsync(BenchStore.Name));
            Measure(server.Endpoint, store.UserKey, "while rows come in and are published");
            await stop.CancelAsync();
            loader.Join();
            await publishing;
            Console.WriteLine($"  {rate:N0} rows of {2 * BenchStore.Dimension} numbers a second came in meanwhile (p99 below 50 ms is asked for)");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static Thread StartLoader(IDpAttentionClient owner, Action done, CancellationToken stop)
    {
        float[] keys = Data.UnitRows(BatchRows, BenchStore.Dimension, 3).Data, values = Data.UnitRows(BatchRows, BenchStore.Dimension, 4).Data;
        var thread = new Thread(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                // A window of two, as the SDK's own streaming has.
                var pair = new[] { $"load-{i}-a", $"load-{i}-b" }.Select(batch => owner.AppendAsync(BenchStore.Name, batch, keys, values, BatchRows)).ToArray();
                foreach (var append in pair)
                {
                    append.GetAwaiter().GetResult();
                    done();
                }
            }
        });
        thread.Start();
        return thread;
    }

    /// <summary>Open loop: a request is due every 10 ms whether or not the last one is answered, and waits are counted from when it was due. Threads of its own.</summary>
    private static void Measure(Uri endpoint, string key, string name)
    {
        var query = Data.UnitRows(1, BenchStore.Dimension, 7);
        var body = Encoding.UTF8.GetBytes($"{{\"queries\":[[{string.Join(',', query.Data.Select(x => ((double)x).ToString("R")))}]]}}");
        var took = new ConcurrentBag<double>();
        var began = Stopwatch.GetTimestamp();
        var threads = Enumerable.Range(0, Connections).Select(first => new Thread(() =>
        {
            using var connection = new RawHttp(endpoint, $"/v1/stores/{BenchStore.Name}/attend", key, "application/json", body);
            for (var i = first; i < RequestsPerSecond * Seconds; i += Connections)
            {
                var due = TimeSpan.FromSeconds((double)i / RequestsPerSecond);
                var wait = due - Stopwatch.GetElapsedTime(began);
                if (wait > TimeSpan.Zero)
                    Thread.Sleep(wait);
                connection.Ask();
                took.Add((Stopwatch.GetElapsedTime(began) - due).TotalMilliseconds);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        var sorted = took.Order().ToArray();
        Console.WriteLine($"  {name,-40} p50 {sorted[sorted.Length / 2],7:F2} ms   p99 {sorted[sorted.Length * 99 / 100],7:F2} ms   max {sorted[^1],7:F2} ms");
    }
}
