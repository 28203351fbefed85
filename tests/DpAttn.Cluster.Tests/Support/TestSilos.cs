using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;

namespace DpAttn.Cluster.Tests;

/// <summary>Silos in this process on one real storage.</summary>
internal sealed class TestSilos : IAsyncDisposable
{
    private Principal? _operator;

    private TestSilos(TestStorage storage, SecretProtector protector, InProcessTestCluster cluster) => (Storage, Protector, Cluster) = (storage, protector, cluster);

    public InProcessTestCluster Cluster { get; }

    public TestStorage Storage { get; }

    public SecretProtector Protector { get; }

    /// <summary>The file of an embedded storage.</summary>
    public string DatabaseFile => ((SqliteTestStorage)Storage).DatabaseFile;

    public IFrontDoor FrontDoor => Door(0);

    /// <summary>The front door of a silo.</summary>
    public IFrontDoor Door(int silo) => Service<IFrontDoor>(silo);

    /// <summary>Starts silos.</summary>
    /// <param name="silos">How many.</param>
    /// <param name="configure">Changes the options.</param>
    /// <param name="sharing">Another cluster whose storage this one uses too, as if the network between them were cut.</param>
    /// <param name="replace">Puts other services in the place of the product's, in every silo.</param>
    /// <param name="storage">What they stand on, which goes with them; null for the embedded storage in a temporary directory.</param>
    public static async Task<TestSilos> StartAsync(
        int silos = 1, Action<ClusterOptions>? configure = null, TestSilos? sharing = null, Action<IServiceCollection, TestStorage>? replace = null, TestStorage? storage = null)
    {
        storage ??= sharing?.Storage.Connect() ?? SqliteTestStorage.Open();
        var protector = sharing?.Protector ?? new SecretProtector(KeyFile.LoadOrCreate(Path.Combine(storage.Directory, KeyFile.DefaultName)));
        var builder = new InProcessTestClusterBuilder((short)silos);
        // Its client looks into the silos, which a client of ours may not.
        builder.Options.InitializeClientOnDeploy = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(storage.Ledger);
            silo.Services.AddSingleton(storage.Guard);
            if (storage.Backup is { } backup)
                silo.Services.AddSingleton(backup);
            silo.Services.AddSingleton(storage.Segments);
            silo.Services.AddSingleton(storage.Catalog);
            silo.Services.AddSingleton(protector);
            // The engine would rather keep every grain where it is called from: tests want calls that cross.
            silo.Services.AddSingleton<PlacementStrategy, RandomPlacement>();
            silo.Services.AddDpAttnCluster(options =>
            {
                options.CallDeadline = TimeSpan.FromSeconds(30);
                options.JobInterval = TimeSpan.FromMilliseconds(300);
                options.GenerationPoll = TimeSpan.FromMilliseconds(100);
                configure?.Invoke(options);
            });
            replace?.Invoke(silo.Services, storage);
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        var started = new TestSilos(storage, protector, cluster);
        await Wait.UntilAsync(() => Task.FromResult(Enumerable.Range(0, silos).All(silo => started.Service<ISiloStatusOracle>(silo).GetApproximateSiloStatuses(onlyActive: true).Count == silos)));
        return started;
    }

    public T Service<T>(int silo)
        where T : notnull => Cluster.GetSiloServiceProvider(Cluster.Silos[silo].SiloAddress).GetRequiredService<T>();

    /// <summary>An operator, made the way operators are made.</summary>
    public async Task<Principal> OperatorAsync() =>
        _operator ??= await FrontDoor.AuthenticateAsync(await Service<IOperatorKeys>(0).RecoverAsync());

    /// <summary>A caller with a role, made the way callers are made.</summary>
    public async Task<Principal> PrincipalAsync(string role, string subject)
    {
        var created = await FrontDoor.CreateKeyAsync(await OperatorAsync(), new KeyRequest(subject, role));
        return await FrontDoor.AuthenticateAsync(created.Key);
    }

    /// <summary>The released integers of every tier as the grains serve them.</summary>
    public async Task<List<long[]>> ReadReleasedAsync(StoreId store, string release)
    {
        var view = (await Service<StoreDirectory>(0).ReadAsync(store))!;
        var document = view.Release(release)!;
        var tiers = new List<long[]>();
        if (view.Model is TreeModel tree)
            return await Released.ReadTreeAsync(store, document, tree, Storage.Segments);
        if (view.Model is not DistanceModel model)
        {
            foreach (var node in document.Nodes)
                tiers.Add(NodeCodec.Decode((await Storage.Segments.ReadPartsAsync(store, BlobKind.Node, node.Blob, node.Bytes))!, view.Released.Dimension).Values);
            return tiers;
        }
        var parts = new LongBlock(Released.PartsOf(model.Parameters));
        var coordinator = Service<IGrainFactory>(0).GetGrain<ICoordinatorGrain>(GrainKey.Of(store, release));
        for (var tier = 0; tier < document.Ladder.Count; tier++)
            tiers.Add((await coordinator.ReadPartsAsync(tier, parts, CancellationToken.None)).ToArray(parts.Values.Length * model.NumbersPerPart));
        return tiers;
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await Storage.DisposeAsync();
    }
}
