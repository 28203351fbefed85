using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace DpAttn.Benchmarks.Server;

/// <summary>How long a server process needs until it is ready, with a million rows loaded and published, and how much memory it then has.</summary>
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
            var began = Stopwatch.GetTimestamp();
            await using (await BenchCluster.StartAsync(Rows, directory: directory.FullName))
                Console.WriteLine($"  loaded and published {Rows:N0} rows of {BenchCluster.Dimension} + {BenchCluster.Dimension} numbers in {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s; this process peaked at {PeakMiB(Process.GetCurrentProcess()):N0} MiB");
            for (var i = 0; i < Starts; i++)
                await StartAsync(directory.FullName);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task StartAsync(string directory)
    {
        int port = FreePort(), admin = FreePort();
        var program = Path.Combine(AppContext.BaseDirectory, "DpAttn.Server.dll");
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo(
            "dotnet", [program, "--DpAttn:DataDirectory", directory, "--DpAttn:Listen", $"http://127.0.0.1:{port}", "--DpAttn:AdminListen", $"http://127.0.0.1:{admin}"]) { RedirectStandardOutput = true })!;
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(1) };
        while (true)
        {
            try
            {
                using var ready = await http.GetAsync(new Uri($"http://127.0.0.1:{admin}/readyz"));
                if (ready.IsSuccessStatusCode)
                    break;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // Not listening yet.
            }
            await Task.Delay(20);
        }
        Console.WriteLine($"  ready after {Stopwatch.GetElapsedTime(began).TotalSeconds:F2} s with {PeakMiB(process):N0} MiB (5 s are asked for)");
        process.Kill();
        await process.WaitForExitAsync();
    }

    private static double PeakMiB(Process process)
    {
        process.Refresh();
        return process.PeakWorkingSet64 / (double)(1 << 20);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
