using System.Globalization;
using System.Text.RegularExpressions;
using DpAttn.Deploy.Tests.Processes;
using DpAttn.Deploy.Tests.Support;

namespace DpAttn.Deploy.Tests.Image;

/// <summary>Every command of the Dockerfile run on a copy of the checkout, and the server started from what it leaves, as the image's user on a read-only root. Builds the server anew, so it takes minutes.</summary>
[Trait("Suite", "Long")]
public sealed partial class ImageTests(ITestOutputHelper output)
{
    [Fact]
    public async Task The_stages_leave_a_server_that_serves_on_a_read_only_root_as_a_user_without_rights()
    {
        Assert.SkipWhen(ImageRoot.Missing is not null, ImageRoot.Missing ?? "");
        var until = TestContext.Current.CancellationToken;
        using var image = new ImageRoot();
        image.Build();

        var files = Directory.GetFiles(Path.Combine(image.Of("final"), "app"), "*", SearchOption.AllDirectories).Select(file => new FileInfo(file)).ToList();
        var size = files.Sum(file => file.Length) / (double)(1 << 20);
        output.WriteLine($"{files.Count} files, {size:F1} MiB\n{string.Join('\n', files.Select(file => $"{file.Length,10} {file.Name}").Order(StringComparer.Ordinal))}");
        Assert.All((string[])["DpAttn.Server", "DpAttn.Server.dll", "DpAttn.Server.runtimeconfig.json", "libe_sqlite3.so", "Npgsql.dll"], name => Assert.Contains(files, file => file.Name == name));
        // One platform, nothing for developers, no settings, no runtime of its own.
        Assert.DoesNotContain(files, file => file.Extension is ".xml" or ".so.dbg" || file.Name.StartsWith("appsettings", StringComparison.Ordinal) || file.FullName.Contains("/runtimes/", StringComparison.Ordinal) || file.Name is "System.Private.CoreLib.dll" or "libcoreclr.so");
        Assert.Equal(File.ReadAllLines(Repository.In("deploy", "image-files.txt")), files.Select(file => Path.GetRelativePath(Path.Combine(image.Of("final"), "app"), file.FullName)).Order(StringComparer.Ordinal));
        var stated = Stated().Match(File.ReadAllText(Repository.In("deploy", "README.md")));
        Assert.True(stated.Success, "deploy/README.md does not say how many files the image has and of what size");
        Assert.Equal(files.Count, int.Parse(stated.Groups[1].Value, CultureInfo.InvariantCulture));
        Assert.InRange(size, double.Parse(stated.Groups[2].Value, CultureInfo.InvariantCulture) * 0.95, double.Parse(stated.Groups[2].Value, CultureInfo.InvariantCulture) * 1.05);
        Assert.Equal(["/app", "/licenses", "/var"], Directory.GetDirectories(image.Of("final")).Select(path => "/" + Path.GetFileName(path)).Order(StringComparer.Ordinal));

        var volume = Directory.CreateTempSubdirectory("dpattn-volume-");
        try
        {
            Command.Must("chown", ["1654:1654", volume.FullName]);
            var (api, admin) = (ServerProcess.FreePort(), ServerProcess.FreePort());
            var environment = new Dictionary<string, string>(Dockerfile.Read().Final.Environment) { ["DPATTN__LISTEN"] = $"http://127.0.0.1:{api}", ["DPATTN__ADMINLISTEN"] = $"http://*:{admin}" };
            string[] entry = Assert.Single(Dockerfile.Read().Final.All("ENTRYPOINT")).Exec;
            await using var server = ServerProcess.Start(image.InFinal(volume.FullName, entry), environment);
            await server.ReadyAsync(new Uri($"http://127.0.0.1:{admin}"), until);

            var status = File.ReadAllLines($"/proc/{server.Id}/status").Select(line => line.Split('\t', StringSplitOptions.RemoveEmptyEntries)).ToDictionary(cells => cells[0], cells => cells[1..]);
            Assert.All(status["Uid:"].Concat(status["Gid:"]), id => Assert.Equal("1654", id));
            Assert.Equal(("0000000000000000", "1"), (status["CapEff:"][0], status["NoNewPrivs:"][0]));
            Assert.All(Writable(server.Id), place => Assert.Contains(place, (string[])["/var/lib/dpattn", "/proc", "/dev/null", "/dev/zero", "/dev/urandom"]));
            // Beside what is stated there is the embedded silo's own port, on loopback, which refuses every connection.
            var listeners = Sockets.ListenersOf(server.Id);
            Assert.Subset(listeners.Select(one => one.Port).ToHashSet(), new HashSet<int> { api, admin });
            Assert.True(System.Net.IPAddress.IsLoopback(Assert.Single(listeners, one => one.Port != api && one.Port != admin).Address));

            Assert.Equal(2, Assert.Single((await Asking.OnceAsync(new Uri($"http://127.0.0.1:{api}"), server.OperatorKey!, until)).Outputs).Count);
            string[] check = Assert.Single(Dockerfile.Read().Final.All("HEALTHCHECK")).Exec;
            Assert.Equal((0, ""), await ServerProcess.RunAsync(image.InFinal(volume.FullName, check), environment, until));

            Assert.Equal(0, await server.StopAsync(until));
            Assert.Equal(1, (await ServerProcess.RunAsync(image.InFinal(volume.FullName, check), environment, until)).Code);
            Assert.Equal(["data", "data-witness"], Directory.GetDirectories(volume.FullName).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            // What it is told wrongly it names there too.
            var (code, said) = await ServerProcess.RunAsync(image.InFinal(volume.FullName, entry), [.. environment, new("DPATTN__ROLL", "silo")], until);
            Assert.Equal(2, code);
            Assert.Contains("DpAttn:ROLL is no setting", said);
        }
        finally
        {
            volume.Delete(recursive: true);
        }
    }

    /// <summary>Where a process may write at all, by its mounts.</summary>
    private static IEnumerable<string> Writable(int process) =>
        File.ReadAllLines($"/proc/{process}/mountinfo").Select(line => line.Split(' ')).Where(cells => cells[5].Split(',').Contains("rw")).Select(cells => cells[4]);

    [GeneratedRegex(@"(\d+) files, (\d+) MiB")]
    private static partial Regex Stated();
}
