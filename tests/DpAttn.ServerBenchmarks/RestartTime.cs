using System.Diagnostics;
using DpAttn.Drills;

namespace DpAttn.Benchmarks.Server;

/// <summary>How long a server process needs until it is ready, with a million rows loaded and published, and how much memory it took.</summary>
internal static class RestartTime
{
    private const int Rows = 1_000_000;
    private const int Starts = 3;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-restart-");
        try
        {
            await using var server = new ServerProcess(directory.FullName);
            await server.StartAsync();
            var began = Stopwatch.GetTimestamp();
            await BenchStore.MakeAsync(server.Endpoint, server.OperatorKey!, Rows);
            Console.WriteLine($"  {Rows:N0} rows of {BenchStore.Dimension} + {BenchStore.Dimension} numbers loaded and published in {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s; the server peaked at {server.PeakMiB():N0} MiB");
            for (var i = 0; i < Starts; i++)
            {
                await server.KillAsync();
                Console.WriteLine($"  killed; ready again after {(await server.StartAsync()).TotalSeconds:F2} s with {server.PeakMiB():N0} MiB (5 s are asked for)");
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
