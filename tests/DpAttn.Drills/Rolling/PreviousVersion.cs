using System.Diagnostics;

namespace DpAttn.Drills.Rolling;

/// <summary>The server as it was before, built from the history of this checkout.</summary>
internal static class PreviousVersion
{
    /// <summary>
    /// The commit that a rolling change has to be possible from: the last release, or before the first one a state of the same formats. Whoever releases moves it.
    /// </summary>
    private const string Commit = "e59bd1c";

    private static readonly Lazy<Task<string>> Built = new(BuildAsync);

    /// <summary>The folder of the program; skips the test where the checkout has no history.</summary>
    public static async Task<string> FolderAsync()
    {
        var (code, said) = await RunAsync("git", Source(), "cat-file", "-e", $"{Commit}^{{commit}}");
        Assert.SkipWhen(code != 0, $"the checkout has no commit {Commit} to build the version before from: {said}");
        return await Built.Value;
    }

    private static async Task<string> BuildAsync()
    {
        // Beside what this version is built into, so that it is built once.
        var folder = Path.Combine(AppContext.BaseDirectory, "previous", Commit);
        var program = Path.Combine(folder, "program");
        if (File.Exists(Path.Combine(folder, "complete")))
            return program;
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        var sources = Path.Combine(folder, "sources");
        Directory.CreateDirectory(sources);
        var archive = Path.Combine(folder, "sources.tar");
        await RequireAsync("git", Source(), "archive", "--format=tar", "--output", archive, Commit);
        await System.Formats.Tar.TarFile.ExtractToDirectoryAsync(archive, sources, overwriteFiles: false);
        await RequireAsync("dotnet", sources, "publish", "src/DpAttn.Server", "-c", "Release", "-o", program, "-m:1", "--nologo", "-v", "q", "-p:UseSharedCompilation=false", "-nodeReuse:false");
        Directory.Delete(sources, recursive: true);
        await File.WriteAllTextAsync(Path.Combine(folder, "complete"), "");
        return program;
    }

    private static string Source()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DpAttnCluster.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("the tests do not run inside their checkout");
    }

    private static async Task RequireAsync(string program, string folder, params string[] arguments)
    {
        var (code, said) = await RunAsync(program, folder, arguments);
        if (code != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}:\n{said}");
    }

    private static async Task<(int Code, string Said)> RunAsync(string program, string folder, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, string.Join('\n', await said).Trim());
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (-1, e.Message);
        }
    }
}
