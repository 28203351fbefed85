using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DpAttn.Deploy.Tests.Image;
using DpAttn.Deploy.Tests.Support;
using DpAttn.Server;

namespace DpAttn.Deploy.Tests.Compose;

/// <summary>What compose.yaml states, read as compose reads it: anchors and merges followed, variables filled in.</summary>
public sealed partial class ComposeTests
{
    private static readonly string Folder = Repository.In("deploy");

    private static readonly string[] ServiceKeys =
    [
        "image", "build", "user", "read_only", "cap_drop", "cap_add", "security_opt", "restart", "stop_grace_period", "mem_limit", "volumes", "depends_on", "environment", "networks", "network_mode",
        "ports", "command", "entrypoint", "healthcheck",
    ];

    private static JsonObject Parsed { get; } = Yaml.ToJson(File.ReadAllText(Path.Combine(Folder, "compose.yaml"))).AsObject();

    private static Dictionary<string, JsonObject> Services { get; } = Parsed["services"]!.AsObject().ToDictionary(one => one.Key, one => one.Value!.AsObject());

    private static IEnumerable<KeyValuePair<string, JsonObject>> Servers => Services.Where(one => (string?)one.Value["image"] == "dp-attn-cluster:local");

    [Fact]
    public void There_are_three_silos_two_fronts_two_databases_and_what_watches_them()
    {
        Assert.Equal(
            ["collector", "database", "front-1", "front-2", "front-login", "grafana", "migration", "prometheus", "secrets", "silo-1", "silo-2", "silo-3", "witness"],
            Services.Keys.Order(StringComparer.Ordinal));
        Assert.All(Parsed, one => Assert.True(one.Key is "name" or "services" or "networks" or "volumes" || one.Key.StartsWith("x-", StringComparison.Ordinal), one.Key));
        Assert.All(Services, service => Assert.All(service.Value, one => Assert.Contains(one.Key, ServiceKeys)));
        Assert.Equal(["front-1", "front-2", "migration", "silo-1", "silo-2", "silo-3"], Servers.Select(one => one.Key).Order(StringComparer.Ordinal));
        // All of the same image: one that is only named would be looked for in a registry.
        Assert.All(Services, one => Assert.Equal(Servers.Any(server => server.Key == one.Key) ? """{"context":"..","dockerfile":"Dockerfile"}""" : null, one.Value["build"]?.ToJsonString()));
    }

    [Fact]
    public void Every_name_in_a_servers_environment_is_a_setting_and_any_other_is_refused_by_name()
    {
        using var secrets = new MadeSecrets();
        foreach (var (name, service) in Servers)
        {
            var role = name.StartsWith("front", StringComparison.Ordinal) ? "front" : "silo";
            var environment = Environment(service, secrets.Passwords).ToDictionary(one => one.Key, one => one.Value.Replace("/etc/dpattn/", secrets.Of(role) + "/", StringComparison.Ordinal));
            ServerSettings.AssertKnown(environment);
            // With what the image states beside it.
            foreach (var (variable, value) in Dockerfile.Read().Final.Environment)
                environment.TryAdd(variable, value);
            ServerSettings.AssertKnown(environment);
            Assert.Equal(role == "front" ? [] : new[] { "DPATTN__KEYFILE", "DPATTN__WITNESSCONNECTION" }, environment.Keys.Where(one => one is "DPATTN__KEYFILE" or "DPATTN__WITNESSCONNECTION").Order(StringComparer.Ordinal));
        }
        Assert.Equal(3, Servers.Where(one => one.Key.StartsWith("silo", StringComparison.Ordinal)).Select(one => (string)one.Value["environment"]!["DPATTN__SILOLISTEN"]!).Distinct().Count());
    }

    [Fact]
    public void A_silo_listens_at_the_address_that_compose_gives_it()
    {
        var subnet = System.Net.IPNetwork.Parse((string)Parsed["networks"]!["cluster"]!["ipam"]!["config"]![0]!["subnet"]!);
        foreach (var (_, service) in Servers.Where(one => one.Key.StartsWith("silo", StringComparison.Ordinal)))
        {
            var address = (string)service["environment"]!["DPATTN__SILOLISTEN"]!;
            Assert.Equal(address, (string?)service["networks"]!["cluster"]!["ipv4_address"]);
            Assert.True(subnet.Contains(System.Net.IPAddress.Parse(address)));
        }
    }

    [Fact]
    public void No_secret_stands_in_it_and_the_script_makes_every_variable_that_it_asks_for()
    {
        var text = File.ReadAllText(Path.Combine(Folder, "compose.yaml"));
        Assert.DoesNotMatch("(?i)password[=:] *[^ $\"]", Variable().Replace(text, "$"));
        using var secrets = new MadeSecrets();
        Assert.Equal(secrets.Passwords.Keys.Order(StringComparer.Ordinal), Variable().Matches(text).Select(match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal));
        Assert.All(Variable().Matches(text), match => Assert.Equal(":?run deploy/make-secrets.sh", match.Groups[2].Value));
        // What it makes is in no commit, and is the reader's own.
        Assert.All((string[])["/deploy/.env", "/deploy/secrets/"], line => Assert.Contains(line, File.ReadLines(Repository.In(".gitignore"))));
        Assert.All(
            Directory.GetFiles(secrets.Folder, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "make-secrets.sh"),
            file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(file)));
    }

    [Fact]
    public void Made_again_secrets_stay_what_they_were_and_certificates_are_renewed_by_the_same_authority()
    {
        using var secrets = new MadeSecrets();
        var before = All();
        secrets.Make();
        Assert.Equal(before, All());
        secrets.Make("--renew");
        var changed = All().Where(one => one.Value != before[one.Key]).Select(one => one.Key).Order(StringComparer.Ordinal);
        Assert.Equal(["secrets/front/tls.crt", "secrets/front/tls.key", "secrets/silo/tls.crt", "secrets/silo/tls.key"], changed);
        // The one of a front does not pass for a silo's.
        var silo = Environment(Services["silo-1"], secrets.Passwords).ToDictionary(one => one.Key, one => one.Value.Replace("/etc/dpattn/", secrets.Of("silo") + "/", StringComparison.Ordinal));
        ServerSettings.Read(silo);
        silo["DPATTN__CLUSTERCERTIFICATE"] = Path.Combine(secrets.Of("front"), "tls.crt");
        silo["DPATTN__CLUSTERCERTIFICATEKEY"] = Path.Combine(secrets.Of("front"), "tls.key");
        Assert.Contains("DpAttn:ClusterCertificate", Assert.Throws<SettingsException>(() => ServerSettings.Read(silo)).Message);

        Dictionary<string, string> All() => Directory.GetFiles(secrets.Folder, "*", SearchOption.AllDirectories).ToDictionary(file => Path.GetRelativePath(secrets.Folder, file), File.ReadAllText);
    }

    [Fact]
    public void Handing_secrets_over_leaves_one_reader_and_takes_renewed_files_over()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "owners and modes are those of Unix");
        using var secrets = new MadeSecrets();
        var to = Directory.CreateDirectory(Path.Combine(secrets.Folder, "to"));
        foreach (var role in (string[])["silo", "front"])
            to.CreateSubdirectory(role);
        var user = Command.Must("id", ["-u"]).Trim() == "0" ? "1654" : Command.Must("id", ["-u"]).Trim();
        for (var i = 0; i < 2; i++)
        {
            // As the owner of the directory, who is not root, it would have to be writable.
            if (user != "1654" && i > 0)
                break;
            Command.Must("sh", [Path.Combine(Folder, "compose", "hand-over.sh"), Path.Combine(secrets.Folder, "secrets"), to.FullName, user]);
            Assert.Equal(["front/ca.crt", "front/tls.crt", "front/tls.key", "silo/ca.crt", "silo/keys", "silo/tls.crt", "silo/tls.key"], Directory.GetFiles(to.FullName, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(to.FullName, file)).Order(StringComparer.Ordinal));
            foreach (var file in Directory.GetFiles(to.FullName, "*", SearchOption.AllDirectories))
            {
                Assert.Equal($"{user} 400", Command.Must("stat", ["-c", "%u %a", file]).Trim());
                Assert.Equal(File.ReadAllText(Path.Combine(secrets.Folder, "secrets", Path.GetRelativePath(to.FullName, file))), File.ReadAllText(file));
            }
            secrets.Make("--renew");
        }
        Command.Must("chmod", ["-R", "u+w", to.FullName]);
    }

    [Fact]
    public void Ports_are_published_on_loopback_only_and_only_by_who_is_asked_from_outside()
    {
        Assert.Equal(["front-1", "front-2", "grafana", "prometheus"], Services.Where(one => one.Value["ports"] is not null).Select(one => one.Key).Order(StringComparer.Ordinal));
        var published = Services.Values.SelectMany(service => service["ports"]?.AsArray() ?? []).Select(port => (string)port!).ToList();
        Assert.All(published, port => Assert.Matches(@"^127\.0\.0\.1:\d+:\d+$", port));
        Assert.Equal(published.Count, published.Select(port => port.Split(':')[1]).Distinct().Count());
        Assert.All(Servers, one => Assert.DoesNotContain("ipc", one.Value.Select(pair => pair.Key)));
        var page = File.ReadAllText(Path.Combine(Folder, "README.md"));
        Assert.All(published, port => Assert.Contains($"`http://127.0.0.1:{port.Split(':')[1]}`", page));
        // Who is not on the edge leaves its networks nowhere.
        Assert.All(Parsed["networks"]!.AsObject().Where(one => one.Key != "edge"), one => Assert.True((bool)one.Value!["internal"]!));
        Assert.All(Services.Where(one => one.Value["ports"] is null), one => Assert.DoesNotContain("edge", Names(one.Value["networks"])));
        Assert.All(Services.Where(one => Names(one.Value["networks"]).Contains("witness")), one => Assert.True(one.Key is "witness" or "migration" || one.Key.StartsWith("silo", StringComparison.Ordinal)));
    }

    [Fact]
    public void Servers_run_as_the_images_user_on_a_read_only_root_without_capabilities_and_have_time_to_end()
    {
        foreach (var (name, service) in Services)
        {
            Assert.Contains("no-new-privileges:true", service["security_opt"]!.AsArray().Select(one => (string?)one));
            if (name is not ("database" or "witness"))
                Assert.Equal(["ALL"], service["cap_drop"]!.AsArray().Select(one => (string?)one));
        }
        foreach (var (name, service) in Servers)
        {
            Assert.Equal("1654:1654", (string?)service["user"]);
            Assert.True((bool)service["read_only"]!);
            Assert.All(service["volumes"]!.AsArray(), one => Assert.EndsWith(":ro", (string?)one));
            var grace = int.Parse(((string)service["stop_grace_period"]!).TrimEnd('s'));
            Assert.True(grace > int.Parse((string)service["environment"]!["DPATTN__SHUTDOWNSECONDS"]!) + 15);
            Assert.Equal(name != "migration", service["healthcheck"] is null);
        }
    }

    [Fact]
    public void Files_that_are_mounted_are_there_and_the_dashboard_and_rules_are_the_charts()
    {
        var mounted = Services.Values.SelectMany(service => service["volumes"]?.AsArray() ?? []).Select(one => ((string)one!).Split(':')[0]).Distinct().ToList();
        foreach (var source in mounted)
        {
            if (source.StartsWith('.'))
                Assert.True(source.StartsWith("./secrets/", StringComparison.Ordinal) || File.Exists(Path.Combine(Folder, source)), source);
            else
                Assert.True(Parsed["volumes"]!.AsObject().ContainsKey(source), source);
        }
        Assert.Contains("../helm/dp-attn-cluster/files/dashboard.json", mounted);
        Assert.Contains("../helm/dp-attn-cluster/files/rules.yaml", mounted);
        Assert.All(Services.Values, service => Assert.All(Names(service["networks"]), one => Assert.True(Parsed["networks"]!.AsObject().ContainsKey(one))));
        Assert.All(Services.Values, service => Assert.All(Names(service["depends_on"]), one => Assert.True(Services.ContainsKey(one))));
    }

    [Fact]
    public void Prometheus_scrapes_every_server_at_its_admin_listener()
    {
        var prometheus = Yaml.ToJson(File.ReadAllText(Path.Combine(Folder, "compose", "prometheus.yaml")));
        var targets = prometheus["scrape_configs"]!.AsArray().SelectMany(job => job!["static_configs"]!.AsArray()).SelectMany(one => one!["targets"]!.AsArray()).Select(one => (string)one!);
        Assert.Equal(Servers.Where(one => one.Key != "migration").Select(one => $"{one.Key}:{new Uri(((string)one.Value["environment"]!["DPATTN__ADMINLISTEN"]!).Replace("*", "any", StringComparison.Ordinal)).Port}").Order(StringComparer.Ordinal), targets.Order(StringComparer.Ordinal));
        Assert.Equal("/etc/prometheus/rules.yaml", (string?)prometheus["rule_files"]![0]);
        var collector = Yaml.ToJson(File.ReadAllText(Path.Combine(Folder, "compose", "collector.yaml")));
        Assert.Equal(new Uri((string)Services["silo-1"]["environment"]!["DPATTN__OTLPENDPOINT"]!).Port, int.Parse(((string)collector["receivers"]!["otlp"]!["protocols"]!["grpc"]!["endpoint"]!).Split(':')[1]));
        Assert.Equal(["logs", "metrics", "traces"], collector["service"]!["pipelines"]!.AsObject().Select(one => one.Key).Order(StringComparer.Ordinal));
        Assert.NotEmpty(Yaml.ToJson(File.ReadAllText(Path.Combine(Folder, "compose", "grafana", "datasource.yaml")))["datasources"]!.AsArray());
        Assert.NotEmpty(Yaml.ToJson(File.ReadAllText(Path.Combine(Folder, "compose", "grafana", "dashboards.yaml")))["providers"]!.AsArray());
    }

    private static Dictionary<string, string> Environment(JsonObject service, IReadOnlyDictionary<string, string> passwords) =>
        service["environment"]!.AsObject().ToDictionary(one => one.Key, one => Variable().Replace((string)one.Value!, match => passwords[match.Groups[1].Value]));

    private static IEnumerable<string> Names(JsonNode? node) => node switch
    {
        JsonArray list => list.Select(one => (string)one!),
        JsonObject map => map.Select(one => one.Key),
        _ => [],
    };

    [GeneratedRegex(@"\$\{([A-Z_]+)([^}]*)\}")]
    private static partial Regex Variable();
}
