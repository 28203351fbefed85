using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace DpAttn.Cli.Tests;

/// <summary>How <c>dpattn serve</c> ends: when its server has ended, and not when the command line loses patience.</summary>
public sealed class ServeStopTests : IDisposable
{
    // More than the 2 s that commands have otherwise, and less than the 30 s that a server has (ShutdownSeconds).
    private static readonly TimeSpan Held = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TemporaryFolder _folder = new();
    private readonly Process _server;

    public ServeStopTests()
    {
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "dpattn.dll"), "serve", "--data", _folder.PathOf("data"), "--listen", "http://127.0.0.1:0", "--admin-listen", ""])
        { RedirectStandardOutput = true };
        _server = Process.Start(start)!;
    }

    [Fact]
    public async Task A_request_that_takes_its_time_is_answered_whole_after_SIGTERM_and_the_exit_code_is_0()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "signals are sent with kill");
        var (address, key) = await StartedAsync();
        using var http = new HttpClient { BaseAddress = address };
        using var content = new SlowContent("""{"subject":"ulf","role":"user"}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/keys") { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        var asking = http.SendAsync(request, TestContext.Current.CancellationToken);
        await content.Begun.WaitAsync(Patience, TestContext.Current.CancellationToken);
        // Until the server has read what was sent.
        await Task.Delay(500, TestContext.Current.CancellationToken);

        var told = Stopwatch.GetTimestamp();
        using (var kill = Process.Start("kill", ["-TERM", _server.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        await Task.Delay(Held, TestContext.Current.CancellationToken);
        Assert.False(_server.HasExited, "the server ended with a request under way");
        content.End();
        using var response = await asking.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Contains("dpattn_", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await _server.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(0, _server.ExitCode);
        // It ended because it was done.
        Assert.InRange(Stopwatch.GetElapsedTime(told), Held, TimeSpan.FromSeconds(25));
    }

    public void Dispose()
    {
        if (!_server.HasExited)
        {
            _server.Kill(entireProcessTree: true);
            _server.WaitForExit();
        }
        _server.Dispose();
        _folder.Dispose();
    }

    private async Task<(Uri Address, string Key)> StartedAsync()
    {
        const string Listens = "the API listens at ";
        using var patience = new CancellationTokenSource(Patience);
        var key = "";
        while (await _server.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith("dpattn_", StringComparison.Ordinal))
                key = line;
            if (line.IndexOf(Listens, StringComparison.Ordinal) is var at and >= 0)
            {
                // Nobody reads on, and a full pipe would stop the server.
                _ = _server.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return (new Uri(line[(at + Listens.Length)..].Split(';')[0]), key);
            }
        }
        throw new InvalidOperationException("the server ended before it listened");
    }

    /// <summary>A body whose last byte waits.</summary>
    private sealed class SlowContent : HttpContent
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously), _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly byte[] _bytes;

        public SlowContent(string json)
        {
            _bytes = Encoding.UTF8.GetBytes(json);
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        public Task Begun => _begun.Task;

        public void End() => _end.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_bytes.AsMemory(0, _bytes.Length - 1));
            await stream.FlushAsync();
            _begun.SetResult();
            await _end.Task;
            await stream.WriteAsync(_bytes.AsMemory(_bytes.Length - 1));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _bytes.Length;
            return true;
        }
    }
}
