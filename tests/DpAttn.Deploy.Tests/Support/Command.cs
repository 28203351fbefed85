using System.Diagnostics;

namespace DpAttn.Deploy.Tests.Support;

/// <summary>Programs that are run to their end.</summary>
internal static class Command
{
    /// <summary>Runs one and tells how it ended.</summary>
    /// <param name="program">Its name or path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="directory">Where it runs; null for here.</param>
    /// <param name="environment">Variables beside this process's own; null takes one away.</param>
    public static (int Code, string Output, string Error) Run(string program, IEnumerable<string> arguments, string? directory = null, IEnumerable<KeyValuePair<string, string?>>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory ?? "" };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    /// <summary>Runs one that must succeed.</summary>
    /// <returns>What it wrote.</returns>
    /// <exception cref="InvalidOperationException">It did not; the message has what it said.</exception>
    public static string Must(string program, IEnumerable<string> arguments, string? directory = null, IEnumerable<KeyValuePair<string, string?>>? environment = null)
    {
        string[] all = [.. arguments];
        var (code, output, error) = Run(program, all, directory, environment);
        return code == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', all)} ended with {code}: {error}{output}");
    }

    /// <summary>Whether a program is on PATH.</summary>
    public static bool IsHere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Any(path => File.Exists(Path.Combine(path, program)));
}
