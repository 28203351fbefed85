using System.Diagnostics;
using System.Text.Json;

namespace DpAttn.Cli.Tests;

/// <summary>What a command line printed and returned.</summary>
internal sealed record Printed(int ExitCode, string Output, string Error)
{
    /// <summary>The output as JSON; the command must have succeeded.</summary>
    public JsonElement Json()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}: {Error}");
        using var document = JsonDocument.Parse(Output);
        return document.RootElement.Clone();
    }

    /// <summary>Asserts a refusal: its exit code, an empty standard output, and one message with each of these words in it.</summary>
    public void IsRefused(int exitCode, params string[] words)
    {
        Assert.Equal(exitCode, ExitCode);
        Assert.Equal("", Output);
        Assert.StartsWith("dpattn: ", Error);
        Assert.DoesNotContain("internal error", Error);
        foreach (var word in words)
            Assert.Contains(word, Error);
    }
}

/// <summary>Runs dpattn in this process, or as the program that users start.</summary>
internal static class Dpattn
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static Printed Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        var exitCode = CommandLine.Run(args, output, error);
        return new Printed(exitCode, output.ToString(), error.ToString());
    }

    public static Printed Start(string[] args, params (string Name, string Value)[] environment) =>
        StartProgram(Host, [Library, .. args], environment);

    /// <summary>The program with a pseudo-terminal as its standard output and error; what it draws arrives as output.</summary>
    public static Printed StartOnTerminal(string[] args, params (string Name, string Value)[] environment)
    {
        const string Script = "/usr/bin/script";
        if (!File.Exists(Script))
            Assert.Skip($"{Script} is not there to make a terminal");
        var command = string.Join(' ', new[] { Host, Library }.Concat(args).Select(word => $"'{word}'"));
        return StartProgram(Script, ["--quiet", "--return", "--command", command, "/dev/null"], [("TERM", "xterm-256color"), .. environment]);
    }

    private static string Library => Path.Combine(AppContext.BaseDirectory, "dpattn.dll");

    private static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static Printed StartProgram(string program, IEnumerable<string> args, (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, args) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("NO_COLOR");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"dpattn did not end within {Patience}");
        }
        return new Printed(process.ExitCode, output.Result, error.Result);
    }
}
