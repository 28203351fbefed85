using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;

namespace DpAttn.LocalCluster;

/// <summary>PostgreSQL, silos and fronts on loopback, each a process of its own. All that they keep lies in temporary directories, and goes with them.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly LocalPostgres _postgres;
    private readonly DirectoryInfo _directory;

    private readonly Func<int, ClusterProcess> _makeSilo;
    private readonly List<ClusterProcess> _silos;

    private Cluster(LocalPostgres postgres, string database, DirectoryInfo directory, int silos, Func<int, ClusterProcess> makeSilo, IReadOnlyList<ClusterProcess> fronts) =>
        (_postgres, Database, _directory, _makeSilo, _silos, Fronts) = (postgres, database, directory, makeSilo, [.. Enumerable.Range(1, silos).Select(makeSilo)], fronts);

    public IReadOnlyList<ClusterProcess> Silos => _silos;

    public IReadOnlyList<ClusterProcess> Fronts { get; }

    /// <summary>Its database server.</summary>
    public LocalPostgres Postgres => _postgres;

    /// <summary>The connection string of its database.</summary>
    public string Database { get; }

    /// <summary>The directory of a front's certificate: <c>tls.crt</c>, <c>tls.key</c> and <c>ca.crt</c>.</summary>
    public string FrontCertificates => FrontDirectory(_directory);

    /// <summary>The operator key that the first silo made.</summary>
    public string OperatorKey => Silos.Select(silo => silo.OperatorKey).First(key => key is not null)!;

    /// <summary>Starts a cluster and waits until all of it is ready.</summary>
    /// <param name="silos">How many silos.</param>
    /// <param name="fronts">How many fronts.</param>
    /// <param name="tell">Told each line that a process says, with its name.</param>
    /// <param name="settings">Further settings of every process.</param>
    public static Task<Cluster> StartAsync(int silos, int fronts, Action<string> tell, params (string Name, string Value)[] settings) =>
        StartAsync(ClusterGround.Loopback, silos, fronts, tell, settings);

    /// <summary>The same elsewhere than on loopback, or of another program.</summary>
    /// <param name="ground">Where, and of what.</param>
    /// <param name="silos">How many silos.</param>
    /// <param name="fronts">How many fronts.</param>
    /// <param name="tell">Told each line that a process says, with its name.</param>
    /// <param name="settings">Further settings of every process.</param>
    public static async Task<Cluster> StartAsync(ClusterGround ground, int silos, int fronts, Action<string> tell, params (string Name, string Value)[] settings)
    {
        var postgres = await LocalPostgres.StartAsync(ground.Database);
        var database = await postgres.CreateDatabaseAsync();
        var directory = Directory.CreateTempSubdirectory("dpattn-cluster-");
        var keys = Path.Combine(directory.FullName, "keys");
        KeyFile.LoadOrCreate(keys);
        var shared = new Dictionary<string, string>
        {
            [nameof(ServerOptions.Clustering)] = ServerOptions.Postgres,
            [nameof(ServerOptions.Storage)] = ServerOptions.Postgres,
            [nameof(ServerOptions.PostgresConnection)] = database,
        };
        // As long as the cluster: nobody can make another certificate of it.
        using var authority = new ThrowawayAuthority();
        var defaults = new ServerOptions();
        var isMutual = ground.IsMutual && settings.All(setting => setting.Name != nameof(ServerOptions.ClusterTls));
        var siloLinks = LinksOf(authority.Write(Path.Combine(directory.FullName, "silo"), [defaults.ClusterSiloName], ThrowawayAuthority.SiloUses), isMutual);
        var frontLinks = LinksOf(authority.Write(FrontDirectory(directory), [defaults.ClusterFrontName], ThrowawayAuthority.FrontUses), isMutual);
        foreach (var (name, value) in settings)
            shared[name] = value;
        var silo = new Dictionary<string, string>([.. siloLinks, .. shared])
        {
            [nameof(ServerOptions.Role)] = ServerOptions.RoleSilo,
            [nameof(ServerOptions.KeyFile)] = keys,
            // A cluster that is kept has it on another server.
            [nameof(ServerOptions.WitnessConnection)] = await postgres.CreateDatabaseAsync(),
        };
        var front = new Dictionary<string, string>([.. frontLinks, .. shared]) { [nameof(ServerOptions.Role)] = ServerOptions.RoleFront };
        var cluster = new Cluster(
            postgres,
            database,
            directory,
            silos,
            i => Make($"silo {i}", silo),
            [.. Enumerable.Range(1, fronts).Select(i => Make($"front {i}", front))]);
        try
        {
            await cluster.Silos[0].RunAsync(DpAttnServer.MigrateFlag);
            // The first makes the operator key; the others may come at once.
            await cluster.Silos[0].StartAsync();
            await Task.WhenAll([.. cluster.Silos.Skip(1).Select(process => process.StartAsync()), .. cluster.Fronts.Select(process => process.StartAsync())]);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }

        ClusterProcess Make(string name, IReadOnlyDictionary<string, string> own) => new(name, own, tell, ground.PlaceOf(name)) { ProgramFolder = ground.Program };
    }

    /// <summary>Starts one more silo and waits until it is ready.</summary>
    public async Task<ClusterProcess> AddSiloAsync()
    {
        var silo = _makeSilo(_silos.Count + 1);
        _silos.Add(silo);
        await silo.StartAsync();
        return silo;
    }

    private static string FrontDirectory(DirectoryInfo directory) => Path.Combine(directory.FullName, "front");

    /// <summary>Mutual TLS with what is in a directory; nothing where connections are protected otherwise.</summary>
    private static Dictionary<string, string> LinksOf(DirectoryInfo directory, bool isMutual) => !isMutual ? [] : new()
    {
        [nameof(ServerOptions.ClusterTls)] = ServerOptions.TlsMutual,
        [nameof(ServerOptions.ClusterCertificate)] = Path.Combine(directory.FullName, "tls.crt"),
        [nameof(ServerOptions.ClusterCertificateKey)] = Path.Combine(directory.FullName, "tls.key"),
        [nameof(ServerOptions.ClusterAuthority)] = Path.Combine(directory.FullName, "ca.crt"),
    };

    /// <summary>Stops it in order: fronts, then silos one after another, then the database.</summary>
    public async Task StopAsync()
    {
        await Task.WhenAll(Fronts.Select(front => front.StopAsync()));
        foreach (var silo in Silos)
            await silo.StopAsync();
        await DisposeAsync();
    }

    /// <summary>Ends what still runs, and removes all of it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in Fronts.Concat(Silos))
            await process.DisposeAsync();
        await _postgres.DisposeAsync();
        if (_directory.Exists)
            _directory.Delete(recursive: true);
    }
}
