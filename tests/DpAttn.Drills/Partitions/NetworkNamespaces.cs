using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;

namespace DpAttn.Drills.Partitions;

/// <summary>
/// Network namespaces of this machine, one for each process, and one between them that routes: each has an address of its own and reaches the others through that one alone, which drops silently what
/// is cut off. The tests' own process and its database stand outside, with an address each on a link of their own. Names begin with the tests' process id, so that those that a killed run left are removed
/// by the next one.
/// </summary>
internal sealed class NetworkNamespaces : IDisposable
{
    /// <summary>The database, as a name for <see cref="Cut"/>.</summary>
    public const string Database = "database";

    /// <summary>How long an answer to a connection is waited for.</summary>
    public const int ConnectSeconds = 2;

    private const string Tests = "tests", Prefix = "dpa", Net = "10.231";
    private const int TimedOut = 124;
    private static readonly TimeSpan LinkPatience = TimeSpan.FromSeconds(10);
    private static readonly string Own = $"{Prefix}{Environment.ProcessId}-";
    private static readonly Lazy<string?> WhyMissing = new(Try);
    private readonly Dictionary<string, string> _addresses = [];
    private readonly HashSet<(string, string)> _cuts = [];

    /// <param name="members">Names of the processes.</param>
    /// <exception cref="InvalidOperationException">A command failed; the message has it.</exception>
    public NetworkNamespaces(IReadOnlyList<string> members)
    {
        RemoveLeft();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Remove();
        try
        {
            Ip($"netns add {Hub}");
            Ip($"netns exec {Hub} sysctl -q -w net.ipv4.ip_forward=1");
            Ip($"-n {Hub} link set lo up");
            for (var i = 0; i <= members.Count; i++)
                Join(i < members.Count ? members[i] : Tests, i + 1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why there are none here, or null.</summary>
    public static string? Missing => WhyMissing.Value;

    /// <summary>Where the database listens.</summary>
    public PostgresReach Reach => new(_addresses[Database], $"{Net}.0.0/16");

    private static string Hub => Own + "hub";

    /// <summary>Where a process is started.</summary>
    public ProcessPlace PlaceOf(string member) => new(IPAddress.Parse(_addresses[member]), ["ip", "netns", "exec", NameOf(member)]);

    /// <summary>From now on nothing goes from one to the other or back; neither is told.</summary>
    public void Cut(string one, string other)
    {
        if (_cuts.Add((one, other)))
            Both("add", one, other);
    }

    /// <summary>Everything reaches everything again.</summary>
    public void Heal()
    {
        foreach (var (one, other) in _cuts)
            Both("del", one, other);
        _cuts.Clear();
    }

    /// <summary>Whether a connection from one of them to an endpoint is taken.</summary>
    /// <returns>False where nothing came back within <see cref="ConnectSeconds"/>.</returns>
    /// <exception cref="InvalidOperationException">It was refused, or not tried: that tells nothing of the network.</exception>
    public async Task<bool> ReachesAsync(string member, IPEndPoint endpoint)
    {
        string[] connect = ["timeout", $"{ConnectSeconds}", "bash", "-c", "exec 3<>/dev/tcp/$0/$1", $"{endpoint.Address}", $"{endpoint.Port}"];
        using var process = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", NameOf(member), .. connect]) { RedirectStandardError = true })!;
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode switch
        {
            0 => true,
            TimedOut => false,
            _ => throw new InvalidOperationException($"{member} to {endpoint}: {error.Trim()}"),
        };
    }

    /// <summary>Removes them by their names, and waits until their addresses and routes can be had again.</summary>
    public void Dispose() => Remove();

    private static string NameOf(string member) => Own + member.Replace(" ", "", StringComparison.Ordinal);

    private void Join(string member, int number)
    {
        var link = $"{Own}{number}";
        var (here, there) = ($"{Net}.{number}.2", $"{Net}.{number}.1");
        _addresses[member] = here;
        var enter = "";
        if (member == Tests)
        {
            Ip($"link add {link} type veth peer name {link} netns {Hub}");
            _addresses[Database] = $"{Net}.{number}.3";
        }
        else
        {
            Ip($"netns add {NameOf(member)}");
            enter = $"-n {NameOf(member)} ";
            Ip($"link add {link} netns {NameOf(member)} type veth peer name {link} netns {Hub}");
            Ip($"{enter}link set lo up");
        }
        Ip($"-n {Hub} addr add {there}/24 dev {link}");
        Ip($"-n {Hub} link set {link} up");
        Ip($"{enter}addr add {here}/24 dev {link}");
        if (member == Tests)
            Ip($"addr add {_addresses[Database]}/24 dev {link}");
        Ip($"{enter}link set {link} up");
        Ip($"{enter}route add {Net}.0.0/16 via {there} src {here}");
    }

    private void Both(string change, string one, string other)
    {
        Ip($"-n {Hub} rule {change} from {_addresses[one]} to {_addresses[other]} blackhole");
        Ip($"-n {Hub} rule {change} from {_addresses[other]} to {_addresses[one]} blackhole");
    }

    private static void Remove() => Remove(name => name.StartsWith(Own, StringComparison.Ordinal));

    /// <summary>The links of this namespace first: those of a namespace that is deleted go when the kernel comes to it, and until then their addresses and routes are taken.</summary>
    private static void Remove(Func<string, bool> isMeant)
    {
        foreach (var link in Links().Where(isMeant))
            Run($"link del {link}");
        foreach (var name in Names().Where(isMeant))
            Run($"netns del {name}");
        for (var began = Stopwatch.GetTimestamp(); Links().Any(isMeant) && Stopwatch.GetElapsedTime(began) < LinkPatience;)
            Thread.Sleep(20);
    }

    /// <summary>Those of tests that do not run any more.</summary>
    private static void RemoveLeft() => Remove(name =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && name.IndexOf('-', StringComparison.Ordinal) is var end && end > 0
        && int.TryParse(name[Prefix.Length..end], NumberStyles.None, CultureInfo.InvariantCulture, out var process) && !Directory.Exists($"/proc/{process}"));

    /// <summary>Links of this namespace to those of this process.</summary>
    public static IEnumerable<string> OwnLinks() => Links().Where(link => link.StartsWith(Own, StringComparison.Ordinal));

    /// <summary>Links of this namespace to others; each is listed as number, name@other end, and what it is.</summary>
    private static string[] Links() => [.. Run("-o link show type veth").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[1].TrimEnd(':').Split('@')[0])];

    private static string[] Names() => [.. Run("netns list").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0])];

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux())
            return "network namespaces are Linux's";
        try
        {
            using var namespaces = new NetworkNamespaces(["one", "two"]);
            namespaces.Cut("one", "two");
            namespaces.Heal();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return $"network namespaces cannot be made here: {e.Message}";
        }
    }

    private static void Ip(string arguments)
    {
        if (Run(arguments).Failure is { } failure)
            throw new InvalidOperationException($"ip {arguments}: {failure}");
    }

    private static (string Output, string? Failure) Run(string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (output, process.ExitCode == 0 ? null : error.GetAwaiter().GetResult().Trim());
    }
}
