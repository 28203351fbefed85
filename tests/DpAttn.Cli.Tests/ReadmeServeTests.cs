using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace DpAttn.Cli.Tests;

/// <summary>The README's second job, word by word: a server in a process of its own, and an operator, an owner and a user who call it from others.</summary>
public sealed partial class ReadmeServeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private Process? _server;

    [Fact]
    public void The_commands_under_serve_it_work_as_written()
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Checkout.Root, "../shared/data/packages")), "../shared/data/packages is absent");
        var readme = File.ReadAllText(Path.Combine(Checkout.Root, "README.md"));
        var section = readme[readme.IndexOf("## Serve it", StringComparison.Ordinal)..readme.IndexOf("## The map of the house", StringComparison.Ordinal)];
        var blocks = Block().Matches(section).Select(block => block.Groups["commands"].Value).ToArray();
        Assert.Equal(4, blocks.Length);
        var (port, adminPort) = (FreePort(), FreePort());

        var operatorKey = Serve(blocks[0].Split('\n')[^1], port, adminPort);
        var made = Keys(Run(blocks[1], port, ("OPERATOR_KEY", operatorKey)));
        Assert.Equal(2, made.Length);
        Assert.Contains("published", Run(blocks[2], port, ("OWNER_KEY", made[0])));
        var answered = Run(blocks[3], port, ("USER_KEY", made[1]), ("/tmp/answers.npz", _folder.PathOf("answers.npz")));

        var shown = Shown().Match(section).Groups["output"].Value.Split('\n').Where(line => !Fresh().IsMatch(line)).ToArray();
        Assert.True(shown.Length >= 7);
        foreach (var line in shown)
            Assert.Contains(line.TrimEnd(), answered, StringComparison.Ordinal);
        Assert.Contains("open", answered, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.PathOf("answers.npz")));
    }

    public void Dispose()
    {
        if (_server is { HasExited: false })
        {
            _server.Kill(entireProcessTree: true);
            _server.WaitForExit();
        }
        _server?.Dispose();
        _folder.Dispose();
    }

    /// <summary>Starts the server as shown, in a folder and on ports of the test's own.</summary>
    /// <returns>The operator key that it prints.</returns>
    private string Serve(string command, int port, int adminPort)
    {
        Assert.StartsWith("dpattn serve --data ", command);
        _server = Bash($"exec {command.Replace("/tmp/dpattn-data", _folder.PathOf("data"), StringComparison.Ordinal)} --listen http://127.0.0.1:{port} --admin-listen http://127.0.0.1:{adminPort}", port);
        var key = "";
        var isListening = false;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!isListening && _server.StandardOutput.ReadLineAsync(patience.Token).AsTask().GetAwaiter().GetResult() is { } line)
        {
            if (line.StartsWith("dpattn_", StringComparison.Ordinal))
                key = line;
            isListening = line.Contains("the API listens at", StringComparison.Ordinal);
        }
        Assert.True(isListening, "the server ended before it listened");
        Assert.NotEmpty(key);
        // Nobody reads on, and a full pipe would stop the server.
        _ = _server.StandardOutput.ReadToEndAsync();
        return key;
    }

    private static string Run(string commands, int port, params (string Shown, string Own)[] replaced)
    {
        foreach (var (shown, own) in replaced)
        {
            Assert.Contains(shown, commands, StringComparison.Ordinal);
            commands = commands.Replace(shown, own, StringComparison.Ordinal);
        }
        using var bash = Bash("set -e\n" + commands, port);
        var error = bash.StandardError.ReadToEndAsync();
        var output = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();
        Assert.True(bash.ExitCode == 0, $"exit code {bash.ExitCode}: {error.Result}");
        return output;
    }

    /// <summary>A shell in the checkout. The build under test stands in for the one that the README has the reader make.</summary>
    private static Process Bash(string script, int port)
    {
        var program = $"dpattn() {{ dotnet '{Path.Combine(AppContext.BaseDirectory, "dpattn.dll")}' \"$@\"; }}\n";
        script = OwnPath().Replace(script, "").Replace("exec dpattn", $"exec dotnet '{Path.Combine(AppContext.BaseDirectory, "dpattn.dll")}'", StringComparison.Ordinal)
            .Replace("http://127.0.0.1:8080", $"http://127.0.0.1:{port}", StringComparison.Ordinal);
        var start = new ProcessStartInfo("bash", ["-c", program + $"export DPATTN_ENDPOINT=http://127.0.0.1:{port}\n" + script])
        {
            WorkingDirectory = Checkout.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = !script.StartsWith("exec", StringComparison.Ordinal),
        };
        return Process.Start(start)!;
    }

    private static string[] Keys(string output) => [.. Key().Matches(output).Select(match => match.Value)];

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex(@"```sh\n(?<commands>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"```text\n(?<output>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Shown();

    [GeneratedRegex("noise deviation|written to")]
    private static partial Regex Fresh();

    [GeneratedRegex(@"dpattn_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")]
    private static partial Regex Key();

    [GeneratedRegex("^export PATH=.*$", RegexOptions.Multiline)]
    private static partial Regex OwnPath();
}
