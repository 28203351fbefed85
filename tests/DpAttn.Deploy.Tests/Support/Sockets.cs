using System.Globalization;
using System.Net;

namespace DpAttn.Deploy.Tests.Support;

/// <summary>The TCP sockets of a process, as the kernel tells them (Linux).</summary>
internal static class Sockets
{
    private const string Listening = "0A", Established = "01";

    /// <summary>Where it listens.</summary>
    public static IReadOnlyList<IPEndPoint> ListenersOf(int process) => [.. Of(process).Where(one => one.State == Listening).Select(one => one.Local)];

    /// <summary>Whom it is connected to by connections that it made: those that it took end at a port where it listens.</summary>
    public static IReadOnlyList<IPEndPoint> ConnectionsOf(int process)
    {
        var ports = ListenersOf(process).Select(one => one.Port).ToHashSet();
        return [.. Of(process).Where(one => one.State == Established && !ports.Contains(one.Local.Port)).Select(one => one.Remote)];
    }

    private static IEnumerable<(string State, IPEndPoint Local, IPEndPoint Remote)> Of(int process)
    {
        var inodes = new HashSet<string>();
        foreach (var descriptor in Directory.GetFiles($"/proc/{process}/fd"))
        {
            try
            {
                if (new FileInfo(descriptor).LinkTarget is { } target && target.StartsWith("socket:[", StringComparison.Ordinal))
                    inodes.Add(target["socket:[".Length..^1]);
            }
            catch (IOException)
            {
                // Closed meanwhile.
            }
        }
        return ((string[])["tcp", "tcp6"])
            .Select(table => $"/proc/{process}/net/{table}").Where(File.Exists)
            .SelectMany(table => File.ReadAllLines(table).Skip(1))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(cells => inodes.Contains(cells[9]))
            .Select(cells => (cells[3], Parse(cells[1]), Parse(cells[2])))
            .ToList();
    }

    // Words of 32 bits, each in the machine's order; then the port.
    private static IPEndPoint Parse(string text)
    {
        var (address, port) = (text[..text.IndexOf(':')], int.Parse(text[(text.IndexOf(':') + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        var bytes = address.Chunk(8).SelectMany(word => BitConverter.GetBytes(uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture))).ToArray();
        var parsed = new IPAddress(bytes);
        return new IPEndPoint(parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed, port);
    }
}
