using System.Diagnostics;

namespace DpAttn.Packages.Tests;

/// <summary>Runs programs as a user would, with a cache of packages of their own: the machine's keeps none of what is packed here, and lends the others'.</summary>
internal sealed class Dotnet(string folder)
{
    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it said.</returns>
    public async Task<string> RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        using var process = Process.Start(Start(program, arguments, environment))!;
        var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var text = string.Join('\n', await said);
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{text}");
        return text;
    }

    /// <summary>How to start a program.</summary>
    public ProcessStartInfo Start(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        var machine = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        start.Environment["NUGET_PACKAGES"] = Path.Combine(folder, "packages");
        start.Environment["NUGET_FALLBACK_PACKAGES"] = machine;
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return start;
    }
}
