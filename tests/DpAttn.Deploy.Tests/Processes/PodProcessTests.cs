using System.Net;
using DpAttn.Deploy.Tests.Chart;
using DpAttn.Deploy.Tests.Support;
using DpAttn.PostgresServer;
using DpAttn.Server;
using Npgsql;

namespace DpAttn.Deploy.Tests.Processes;

/// <summary>Processes with the environment of the chart's pods: what they open, whom they call, and what they refuse.</summary>
public sealed class PodProcessTests(ITestOutputHelper output)
{
    private static readonly string[] Addresses = ["127.0.0.2", "127.0.0.3"];

    public static TheoryData<string> Variants => RenderingTests.Variants;

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_name_in_a_pods_environment_is_a_setting_and_any_other_is_refused_by_name(string variant)
    {
        using var secrets = new MadeSecrets();
        string[] names = variant == "full" ? ["silo.eu.dpattn", "front.eu.dpattn"] : ["silo.dpattn", "front.dpattn"];
        foreach (var pod in Manifests.Render(variant).Pods.Values.Where(pod => pod.Component != "test"))
        {
            var environment = PodEnvironment.Of(pod, secrets, new Dictionary<string, string> { ["DPATTN__POSTGRESCONNECTION"] = "Host=db", ["DPATTN__WITNESSCONNECTION"] = "Host=witness" }, "10.0.0.7");
            // The certificates at hand have the names of the default values.
            Assert.Equal(pod.Component == "migration" ? null : names[0], environment.GetValueOrDefault("DPATTN__CLUSTERSILONAME"));
            environment.Remove("DPATTN__CLUSTERSILONAME");
            environment.Remove("DPATTN__CLUSTERFRONTNAME");
            if (environment.ContainsKey("DPATTN__CERTIFICATE"))
                (environment["DPATTN__CERTIFICATE"], environment["DPATTN__CERTIFICATEKEY"]) = (Path.Combine(secrets.Of("front"), "tls.crt"), Path.Combine(secrets.Of("front"), "tls.key"));
            ServerSettings.AssertKnown(environment);
        }
    }

    [Fact]
    public async Task Pods_open_the_ports_that_the_chart_names_call_whom_its_policies_allow_and_answer()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sockets are looked up in /proc");
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var until = TestContext.Current.CancellationToken;
        using var secrets = new MadeSecrets();
        await using var postgres = await LocalPostgres.StartAsync();
        var (api, silo, gateway) = (ServerProcess.FreePort(), ServerProcess.FreePort(), ServerProcess.FreePort());
        int[] admin = [ServerProcess.FreePort(), ServerProcess.FreePort(), ServerProcess.FreePort()];
        // On one machine each process needs an admin port of its own; else they are the pods of one release.
        var rendered = admin.Select(port => Manifests.Render("minimal", $"ports.api={api}", $"ports.silo={silo}", $"ports.gateway={gateway}", $"ports.admin={port}", $"networkPolicy.databasePorts=[{postgres.Port}]")).ToList();
        var (database, witness) = (await postgres.CreateDatabaseAsync(), await postgres.CreateDatabaseAsync());
        var connections = new Dictionary<string, string> { ["DPATTN__POSTGRESCONNECTION"] = database, ["DPATTN__WITNESSCONNECTION"] = witness };

        var migration = rendered[0].Pods["migration"];
        var (code, said) = await ServerProcess.RunAsync([.. ServerProcess.Built, .. migration.Container.Args], PodEnvironment.Of(migration, secrets, connections, ""), until);
        Assert.True(code == 0, said);
        var siloEnvironments = Addresses.Select((address, i) => PodEnvironment.Of(rendered[i].Pods["silo"], secrets, connections, address)).ToList();
        await using var first = ServerProcess.Start(ServerProcess.Built, siloEnvironments[0]);
        await first.ReadyAsync(Admin(0), until);
        await using var second = ServerProcess.Start(ServerProcess.Built, siloEnvironments[1]);
        await second.ReadyAsync(Admin(1), until);
        var login = FrontLogin(database, "a-fronts-own-password");
        await using var front = ServerProcess.Start(ServerProcess.Built, PodEnvironment.Of(rendered[2].Pods["front"], secrets, new Dictionary<string, string> { ["DPATTN__POSTGRESCONNECTION"] = login }, ""));
        await front.ReadyAsync(Admin(2), until);
        var answer = await Asking.OnceAsync(new Uri($"http://127.0.0.1:{api}"), first.OperatorKey!, until);
        Assert.Equal(2, Assert.Single(answer.Outputs).Count);

        (ServerProcess Process, string Component, string? Address)[] pods = [(first, "silo", Addresses[0]), (second, "silo", Addresses[1]), (front, "front", null)];
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < pods.Length; i++)
        {
            var (process, component, address) = pods[i];
            var pod = rendered[i].Pods[component];
            var listeners = Sockets.ListenersOf(process.Id);
            Assert.Equal(pod.Container.Ports.Select(port => port.ContainerPort).Order(), listeners.Select(one => one.Port).Distinct().Order());
            // Of silos and gateways at the pod's own address only.
            Assert.All(listeners.Where(one => one.Port == silo || one.Port == gateway), one => Assert.Equal(IPAddress.Parse(address!), one.Address));
            var rules = new NetworkRules(rendered[i]);
            foreach (var remote in Sockets.ConnectionsOf(process.Id))
            {
                if (remote.Port == postgres.Port)
                {
                    Assert.True(rules.MaySend(Party.InRelease(pod), Party.Elsewhere("database", "elsewhere"), remote.Port));
                    seen.Add($"{component} > database");
                    continue;
                }
                Assert.Contains($"{remote.Address}", Addresses);
                Assert.True(rules.Allows(Party.InRelease(pod), Party.InRelease(rendered[i].Pods["silo"]), remote.Port), $"{component} is connected to {remote}, which the policies do not allow");
                seen.Add($"{component} > silo:{(remote.Port == silo ? "silo" : remote.Port == gateway ? "gateway" : "another port")}");
            }
        }
        output.WriteLine(string.Join('\n', seen));
        Assert.Equal(["front > database", "front > silo:gateway", "silo > database", "silo > silo:silo"], seen);

        // The pod of `helm test`, with the services' names resolved.
        for (var i = 0; i < 3; i++)
        {
            var url = rendered[i].Pods["silo"].Container.ReadinessProbe.HttpGet.Path;
            Assert.Equal(0, (await ServerProcess.RunAsync([.. ServerProcess.Built, $"{DpAttnServer.HealthCheckFlag}={new Uri(Admin(i), url)}"], [], until)).Code);
        }
        Assert.Equal((0, 0, 0), (await front.StopAsync(until), await second.StopAsync(until), await first.StopAsync(until)));
        Assert.Equal(1, (await ServerProcess.RunAsync([.. ServerProcess.Built, $"{DpAttnServer.HealthCheckFlag}={new Uri(Admin(2), "/readyz")}"], [], until)).Code);

        Uri Admin(int which) => new($"http://127.0.0.1:{admin[which]}");
    }

    [Theory]
    [InlineData("DPATTN__MAXQUERYS", "1", "DpAttn:MAXQUERYS is no setting")]
    [InlineData("DPATTN__MAXQUERIES", "none", "DpAttn:MaxQueries is 'none'; it must be a whole number from 1 to 1048576")]
    [InlineData("DPATTN__CLUSTERTLS", "maybe", "DpAttn:ClusterTls is 'maybe'; it must be loopback or mutual or none")]
    public async Task A_wrong_or_unknown_setting_ends_a_pods_start_with_2_and_its_name(string name, string value, string message)
    {
        using var secrets = new MadeSecrets();
        var environment = PodEnvironment.Of(Manifests.Render("default").Pods["silo"], secrets, new Dictionary<string, string> { ["DPATTN__POSTGRESCONNECTION"] = "Host=db", ["DPATTN__WITNESSCONNECTION"] = "Host=witness" }, "127.0.0.2");
        environment[name] = value;
        var (code, said) = await ServerProcess.RunAsync(ServerProcess.Built, environment, TestContext.Current.CancellationToken);
        Assert.Equal(2, code);
        Assert.Contains(message, said);
    }

    /// <summary>Makes the login of fronts as compose does, and looks at what it may and may not read.</summary>
    private static string FrontLogin(string database, string password)
    {
        const string Debian = "/usr/lib/postgresql";
        string[] versions = Directory.Exists(Debian) ? Directory.GetDirectories(Debian) : [];
        var psql = versions.Order(StringComparer.Ordinal).Select(path => Path.Combine(path, "bin", "psql")).LastOrDefault(File.Exists) ?? (Command.IsHere("psql") ? "psql" : null);
        Assert.SkipWhen(psql is null, "there is no psql");
        var owner = new NpgsqlConnectionStringBuilder(database);
        var environment = new Dictionary<string, string?> { ["PGHOST"] = owner.Host, ["PGPORT"] = $"{owner.Port}", ["PGDATABASE"] = owner.Database, ["PGUSER"] = owner.Username, ["PGPASSWORD"] = owner.Password, ["FRONT_PASSWORD"] = password };
        // Twice: it may be there already.
        for (var i = 0; i < 2; i++)
            Command.Must(psql!, ["--no-psqlrc", "--set=ON_ERROR_STOP=1", $"--file={Repository.In("deploy", "compose", "front-login.sql")}"], environment: environment);
        var login = new NpgsqlConnectionStringBuilder(database) { Username = "dpattn_front", Password = password }.ConnectionString;
        using var connection = new NpgsqlConnection($"{login};Pooling=false");
        connection.Open();
        using var ask = new NpgsqlCommand(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname = current_schema() AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1",
            connection);
        using var rows = ask.ExecuteReader();
        var readable = new List<string>();
        while (rows.Read())
            readable.Add(rows.GetString(0));
        Assert.Equal(["dpattn_cluster", "dpattn_cluster_member", "dpattn_cluster_schema", "orleansquery"], readable.Order(StringComparer.Ordinal));
        return login;
    }
}
