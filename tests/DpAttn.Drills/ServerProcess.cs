using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DpAttn.Storage;

namespace DpAttn.Drills;

/// <summary>A real server in a process of its own, started, killed and started again on the same directory and ports.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Probe = new() { Timeout = TimeSpan.FromSeconds(2) };
    private readonly string _directory;
    private readonly string? _keys;
    private readonly string[] _settings = [];
    private readonly int _port = FreePort();
    private readonly int _adminPort = FreePort();
    private readonly List<string> _output = [];
    private Process? _process;

    /// <param name="directory">Below it lies what it keeps.</param>
    /// <param name="postgres">The connection string of its database; null for a file below the directory.</param>
    public ServerProcess(string directory, string? postgres = null)
    {
        _directory = directory;
        if (postgres is null)
            return;
        _keys = Path.Combine(directory, "keys");
        _settings = ["--DpAttn:Storage", "postgres", "--DpAttn:PostgresConnection", postgres, "--DpAttn:KeyFile", _keys, "--DpAttn:WitnessDirectory", Path.Combine(directory, "witness")];
    }

    public Uri Endpoint => new($"http://127.0.0.1:{_port}");

    /// <summary>The operator key that the first start printed.</summary>
    public string? OperatorKey { get; private set; }

    /// <summary>Before the first start: keys and schema for an empty database, which a file needs nobody for.</summary>
    public async Task PrepareAsync()
    {
        if (_keys is null)
            return;
        KeyFile.LoadOrCreate(_keys);
        await MigrateAsync();
    }

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> StartAsync()
    {
        var began = Stopwatch.GetTimestamp();
        var process = new Process { StartInfo = Program() };
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        while (!await IsReadyAsync())
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > StartPatience)
                throw new InvalidOperationException($"the server did not become ready:\n{Output()}");
            await Task.Delay(50);
        }
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>kill -9: nothing is flushed, nobody is told.</summary>
    public async Task KillAsync()
    {
        var process = _process ?? throw new InvalidOperationException("it does not run");
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        _process = null;
    }

    /// <summary>The most memory that it had, in MiB.</summary>
    public double PeakMiB()
    {
        var process = _process ?? throw new InvalidOperationException("it does not run");
        process.Refresh();
        return process.PeakWorkingSet64 / (double)(1 << 20);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await KillAsync();
    }

    private async Task MigrateAsync()
    {
        using var process = Process.Start(Program("--migrate"))!;
        var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"the schema was not applied:\n{string.Join('\n', await said)}");
    }

    private ProcessStartInfo Program(params string[] first) => new(
        "dotnet",
        [
            Path.Combine(AppContext.BaseDirectory, "DpAttn.Server.dll"), .. first, "--DpAttn:DataDirectory", Path.Combine(_directory, "data"),
            "--DpAttn:Listen", Endpoint.ToString().TrimEnd('/'), "--DpAttn:AdminListen", $"http://127.0.0.1:{_adminPort}", "--DpAttn:RequestsPerSecond", "0", .. _settings,
        ])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await Probe.GetAsync(new Uri($"http://127.0.0.1:{_adminPort}/readyz"));
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        lock (_output)
        {
            if (line.StartsWith("dpattn_", StringComparison.Ordinal))
                OperatorKey = line;
            else
                _output.Add(line);
        }
    }

    private string Output()
    {
        lock (_output)
            return string.Join('\n', _output.TakeLast(50));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
