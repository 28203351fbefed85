using System.Diagnostics;

namespace DpAttn.Storage.Tests.Support;

/// <summary>A process of DpAttn.Storage.Child, whose lines are read and which is killed by its own id (SIGKILL).</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    public ChildProcess(string mode, string directory, string run = "run")
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { Path.Combine(AppContext.BaseDirectory, "DpAttn.Storage.Child.dll"), mode, directory, run })
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
    }

    /// <summary>The next line; fails with what the process says when it ended first.</summary>
    public async Task<string> ReadLineAsync() =>
        await _process.StandardOutput.ReadLineAsync(new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token)
        ?? throw new InvalidOperationException($"the child process ended: {await _process.StandardError.ReadToEndAsync()}");

    /// <summary>Kills it and returns the lines that it had written since the last one read; a line cut short is left out.</summary>
    public async Task<string[]> KillAsync()
    {
        _process.Kill();
        var rest = await _process.StandardOutput.ReadToEndAsync();
        await _process.WaitForExitAsync();
        return rest[..(rest.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Waits for its end and returns what it wrote to standard error.</summary>
    public async Task<string> ErrorAsync()
    {
        var error = await _process.StandardError.ReadToEndAsync();
        await _process.WaitForExitAsync();
        return error;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
