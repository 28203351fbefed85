using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DpAttn.PostgresServer;

/// <summary>Where PostgreSQL's programs are, and whom they run as: the server refuses to run as root.</summary>
internal sealed class PostgresBinaries
{
    private const int LeastVersion = 15;
    private static readonly Lazy<(PostgresBinaries? Found, string? Missing)> Search = new(Look);

    private PostgresBinaries(string directory, string? user) => (Directory, User) = (directory, user);

    /// <summary>The programs; null where there are none, or none that can run.</summary>
    public static PostgresBinaries? Found => Search.Value.Found;

    /// <summary>Why no server can run here, or null.</summary>
    public static string? Missing => Search.Value.Missing;

    public string Directory { get; }

    /// <summary>The user to run as; null for the one that runs the tests.</summary>
    public string? User { get; }

    /// <summary>The start of a program, as the user that the server runs as.</summary>
    public ProcessStartInfo Start(string program, params IEnumerable<string> arguments)
    {
        string[] asUser = User is null ? [] : ["setpriv", $"--reuid={User}", $"--regid={GroupOf(User)}", "--clear-groups", "--"];
        string[] all = [.. asUser, program, .. arguments];
        // A working directory that the other user may enter.
        return new ProcessStartInfo(all[0], all[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
    }

    /// <summary>The same, out of reach of a terminal's Ctrl-C where that can be had: whoever started it decides when it ends.</summary>
    public ProcessStartInfo StartApart(string program, params IEnumerable<string> arguments)
    {
        var start = Start(program, arguments);
        return Apart(start);
    }

    /// <summary>Takes a program out of reach of a terminal's Ctrl-C, where that can be had.</summary>
    public static ProcessStartInfo Apart(ProcessStartInfo start)
    {
        if (!OnPath("setsid"))
            return start;
        // It becomes the program: the process is the one that is started.
        start.ArgumentList.Insert(0, start.FileName);
        start.FileName = "setsid";
        return start;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it said.</exception>
    public static string Run(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}: {error.GetAwaiter().GetResult()}{output}");
    }

    private static (PostgresBinaries?, string?) Look()
    {
        if (OperatingSystem.IsWindows())
            return (null, "the PostgreSQL server of the tests is started on Unix only");
        var directory = Candidates().FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")) && File.Exists(Path.Combine(path, "postgres")));
        if (directory is null)
            return (null, $"no PostgreSQL server is installed here: no initdb and postgres of version {LeastVersion} or later in /usr/lib/postgresql/*/bin or on PATH");
        if (GetEffectiveUserId() != 0)
            return (new PostgresBinaries(directory, null), null);
        if (!OnPath("setpriv"))
            return (null, "PostgreSQL refuses to run as root, and there is no setpriv to run it as another user");
        var user = ((string[])["postgres", "nobody"]).FirstOrDefault(name => IdOf(name) is not null);
        return user is null ? (null, "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody") : (new PostgresBinaries(directory, user), null);
    }

    /// <summary>The newest installed version first.</summary>
    private static IEnumerable<string> Candidates()
    {
        const string Debian = "/usr/lib/postgresql";
        var versions = System.IO.Directory.Exists(Debian) ? System.IO.Directory.GetDirectories(Debian) : [];
        return versions
            .Select(path => (Path: path, IsVersion: int.TryParse(Path.GetFileName(path), out var version), Version: version))
            .Where(found => found.IsVersion && found.Version >= LeastVersion)
            .OrderByDescending(found => found.Version)
            .Select(found => Path.Combine(found.Path, "bin"))
            .Concat(Paths().Where(path => VersionOf(path) >= LeastVersion));
    }

    private static int VersionOf(string directory)
    {
        var postgres = Path.Combine(directory, "postgres");
        if (!File.Exists(postgres))
            return 0;
        // "postgres (PostgreSQL) 15.18"
        var words = Run(new ProcessStartInfo(postgres, ["--version"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true }).Split(' ', '.', '\n');
        return words.Select(word => int.TryParse(word, out var version) ? version : 0).FirstOrDefault(version => version > 0);
    }

    private static string GroupOf(string user) => Ask("id", "-g", user)!;

    private static string? IdOf(string user) => Ask("id", "-u", user);

    private static string? Ask(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : null;
    }

    private static bool OnPath(string program) => Paths().Any(path => File.Exists(Path.Combine(path, program)));

    private static string[] Paths() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);

    [DllImport("libc", EntryPoint = "geteuid")]
    private static extern uint GetEffectiveUserId();
}
