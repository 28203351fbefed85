using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace DpAttn.Deploy.Tests.Processes;

/// <summary>A program with an environment of its own, as a container has it: nothing of this process's DPATTN settings.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly HttpClient Probe = new() { Timeout = TimeSpan.FromSeconds(3) };
    private static int _lastPort = RandomNumberGenerator.GetInt32(int.MaxValue);
    private readonly ConcurrentQueue<string> _said = new();
    private readonly Process _process;

    private ServerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <summary>The operator key, if this process made it.</summary>
    public string? OperatorKey { get; private set; }

    public string Said => string.Join('\n', _said);

    /// <summary>The server that was built with these tests.</summary>
    public static IReadOnlyList<string> Built { get; } = ["dotnet", Path.Combine(AppContext.BaseDirectory, "DpAttn.Server.dll")];

    public static ServerProcess Start(IReadOnlyList<string> program, IEnumerable<KeyValuePair<string, string>> environment) => new(new Process { StartInfo = Program(program, environment) });

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int Code, string Said)> RunAsync(IReadOnlyList<string> program, IEnumerable<KeyValuePair<string, string>> environment, CancellationToken cancellationToken)
    {
        await using var server = Start(program, environment);
        await server._process.WaitForExitAsync(cancellationToken);
        return (server._process.ExitCode, server.Said);
    }

    /// <summary>Waits until an admin listener says that it is ready.</summary>
    public async Task ReadyAsync(Uri admin, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync(admin, cancellationToken))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(began) > Patience)
                Assert.Fail($"the server did not become ready:\n{Said}");
            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>SIGTERM.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        DpAttn.PostgresServer.LocalPostgres.Kill("-TERM", Id);
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }

    /// <summary>A port below those that the machine gives to outgoing connections.</summary>
    public static int FreePort()
    {
        const int First = 20_000, Count = 12_000;
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _lastPort) % Count);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Any, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody's already.
            }
        }
    }

    private static ProcessStartInfo Program(IReadOnlyList<string> program, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo(program[0], program.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("DPATTN", StringComparison.OrdinalIgnoreCase) || name.StartsWith("OTEL_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return start;
    }

    private static async Task<bool> IsReadyAsync(Uri admin, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await Probe.GetAsync(new Uri(admin, "/readyz"), cancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        if (line.StartsWith("dpattn_", StringComparison.Ordinal))
            OperatorKey = line;
        else
            _said.Enqueue(line);
    }
}
