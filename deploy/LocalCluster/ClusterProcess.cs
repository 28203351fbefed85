using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using DpAttn.PostgresServer;

namespace DpAttn.LocalCluster;

/// <summary>A silo or a front in a process of its own, started, ended one way or another, and started again at the same place.</summary>
internal sealed class ClusterProcess(string name, IReadOnlyDictionary<string, string> settings, Action<string> tell, ProcessPlace? place = null) : IAsyncDisposable
{
    private static int _lastPort = RandomNumberGenerator.GetInt32(int.MaxValue);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(120);
    private static readonly HttpClient Probe = new() { Timeout = TimeSpan.FromSeconds(3) };
    private readonly int _port = FreePort();
    private readonly int _adminPort = FreePort();
    private readonly int _siloPort = FreePort();
    private readonly int _gatewayPort = FreePort();
    private readonly Queue<string> _said = new();
    private readonly ProcessPlace _place = place ?? ProcessPlace.Loopback;
    private Process? _process;

    /// <summary>What it is called.</summary>
    public string Name => name;

    /// <summary>Whether it was started and has not ended.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>The exit code with which it ended without being told to by this one; null of one that runs, and of one that was killed or stopped.</summary>
    public int? EndedBy => _process is { HasExited: true } ended ? ended.ExitCode : null;

    /// <summary>Where the API of a front listens.</summary>
    public Uri Endpoint => new($"http://{_place.Address}:{_port}");

    /// <summary>Where health answers.</summary>
    public Uri Admin => new($"http://{_place.Address}:{_adminPort}");

    /// <summary>Where a silo listens to fronts.</summary>
    public IPEndPoint Gateway => new(_place.Address, _gatewayPort);

    /// <summary>The folder of the program that the next start runs.</summary>
    public string ProgramFolder { get; set; } = AppContext.BaseDirectory;

    /// <summary>The operator key, if this process was the one that made it.</summary>
    public string? OperatorKey { get; private set; }

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended, or did not become ready; the message has what it said last.</exception>
    public async Task StartAsync()
    {
        var start = Program();
        start.ArgumentList.Add($"--DpAttn:Listen={Endpoint.GetLeftPart(UriPartial.Authority)}");
        start.ArgumentList.Add($"--DpAttn:AdminListen={Admin.GetLeftPart(UriPartial.Authority)}");
        start.ArgumentList.Add($"--DpAttn:SiloListen={_place.Address}");
        start.ArgumentList.Add($"--DpAttn:SiloPort={_siloPort}");
        start.ArgumentList.Add($"--DpAttn:GatewayPort={_gatewayPort}");
        Forget();
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        var began = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync())
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > StartPatience)
                throw new InvalidOperationException($"{name} did not become ready:\n{Said()}");
            await Task.Delay(50);
        }
    }

    /// <summary>Runs the program once with these settings, to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it said.</exception>
    public async Task RunAsync(string flag)
    {
        var start = Program();
        start.ArgumentList.Add(flag);
        using var process = Process.Start(start)!;
        var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{name} {flag} ended with {process.ExitCode}:\n{string.Join('\n', await said)}");
    }

    /// <summary>kill -9: nothing is flushed, nobody is told.</summary>
    public async Task KillAsync()
    {
        var process = Running();
        process.Kill();
        await process.WaitForExitAsync();
        Forget();
    }

    /// <summary>SIGTERM: it finishes what is under way and leaves.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        var process = Running();
        Signal("-TERM");
        await process.WaitForExitAsync();
        var code = process.ExitCode;
        Forget();
        return code;
    }

    /// <summary>Sends a signal, such as -STOP and -CONT.</summary>
    public void Signal(string signal) => LocalPostgres.Kill(signal, Running().Id);

    /// <summary>The processor time that it has taken.</summary>
    public TimeSpan Cpu()
    {
        var process = Running();
        process.Refresh();
        return process.TotalProcessorTime;
    }

    /// <summary>Whether it says that it is ready.</summary>
    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await Probe.GetAsync(new Uri(Admin, "/readyz"));
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await KillAsync();
    }

    private Process Running() => _process ?? throw new InvalidOperationException($"{name} does not run");

    private void Forget()
    {
        _process?.Dispose();
        _process = null;
    }

    private ProcessStartInfo Program()
    {
        string[] program = [.. _place.Through, "dotnet", Path.Combine(ProgramFolder, "DpAttn.Server.dll")];
        var start = new ProcessStartInfo(program[0], program[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // By the environment: a password on a command line is everybody's.
        foreach (var (setting, value) in settings)
            start.Environment[$"DPATTN__{setting.ToUpperInvariant()}"] = value;
        // Ctrl-C is for the program that started it, which ends it in order.
        return LocalPostgres.Apart(start);
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        if (line.StartsWith("dpattn_", StringComparison.Ordinal))
        {
            OperatorKey = line;
            return;
        }
        lock (_said)
        {
            _said.Enqueue(line);
            if (_said.Count > 60)
                _said.Dequeue();
        }
        tell($"{name}: {line}");
    }

    private string Said()
    {
        lock (_said)
            return string.Join('\n', _said);
    }

    /// <summary>A port below those that the machine gives to outgoing connections, which would come between.</summary>
    public static int FreePort()
    {
        const int First = 20_000, Count = 12_000;
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _lastPort) % Count);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody's already.
            }
        }
    }
}
