using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Publishing and retiring as an owner sees it.</summary>
public class ReleasesTests(OneSilo silos)
{
    [Fact]
    public async Task A_store_without_rows_cannot_be_published()
    {
        var scene = await silos.SceneAsync();
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.PublishAsync());
        Assert.Contains("append rows first", problem.Message);
        Assert.Empty(await scene.Door.ListReleasesAsync(scene.Owner, scene.Store));
    }

    [Fact]
    public async Task The_same_key_gives_the_same_release_and_a_new_one_or_none_a_new_release()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        var first = await scene.PublishAsync("p1");
        await scene.AppendAsync("b2", Samples.Rows(10, 2));
        Assert.Equal((first.Id, 10), await PublishAsync("p1"));
        Assert.Equal(("r000002", 20), await PublishAsync("p2"));
        Assert.Equal(("r000003", 20), await PublishAsync(null));
        Assert.Equal(("r000004", 20), await PublishAsync(null));
        Assert.Equal(["r000001", "r000002", "r000003", "r000004"], (await scene.Door.ListReleasesAsync(scene.Owner, scene.Store)).Select(release => release.Id));

        async Task<(string, long)> PublishAsync(string? request)
        {
            var release = await scene.PublishAsync(request);
            return (release.Id, release.Slots);
        }
    }

    [Fact]
    public async Task The_same_key_with_another_ladder_is_refused()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        await scene.PublishAsync("p1", [0.25, 0.75]);
        await scene.PublishAsync("p1", [0.25, 0.75]);
        await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.PublishAsync("p1"));
        await Refused.WithAsync(ProblemCodes.RequestConflict, () => scene.PublishAsync("p1", [0.25, 0.8]));
        Assert.Single(await scene.Door.ListReleasesAsync(scene.Owner, scene.Store));
    }

    [Theory]
    [InlineData(new double[0], "1 to 64 tiers")]
    [InlineData(new[] { 1.0, 0.5 }, "must be above")]
    [InlineData(new[] { 1.0, 1.0 }, "must be above")]
    [InlineData(new[] { 0.0 }, "(0, 200]")]
    [InlineData(new[] { double.NaN }, "(0, 200]")]
    [InlineData(new[] { 201.0 }, "(0, 200]")]
    [InlineData(new[] { 1.0, 1.0000000000001 }, "too close")]
    public async Task A_ladder_that_is_none_is_refused_with_its_fault(double[] ladder, string why)
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        Assert.Contains(why, (await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.PublishAsync(ladder: ladder))).Message);
        Assert.Empty(await scene.Door.ListReleasesAsync(scene.Owner, scene.Store));
    }

    [Fact]
    public async Task A_release_describes_itself()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        var release = await scene.PublishAsync();
        Assert.Equal(("r000001", "published", 1.0, 10), (release.Id, release.State, release.Progress, release.Slots));
        Assert.Equal([0.5, 1, 2], release.Tiers.Select(tier => tier.Epsilon));
        Assert.All(release.Tiers, tier => Assert.Equal(1e-6, tier.Delta));
        Assert.Equal(release.Tiers.Select(tier => tier.Mu).Order(), release.Tiers.Select(tier => tier.Mu));
        Assert.Null(release.Failure);
    }

    [Fact]
    public async Task A_retired_release_is_gone_and_says_so_and_its_integers_are_removed()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        var store = new StoreId(await scene.IncarnationAsync());
        Assert.Equal(3, (await silos.Silos.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 10)).Count);
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        Assert.Equal("retired", (await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release)).State);
        Assert.Empty(await silos.Silos.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 10));
        Assert.Equal(release, (await scene.Door.GetPrivacyStatementAsync(scene.Owner, scene.Store, release)).Release);
    }

    [Fact]
    public async Task Releases_that_do_not_exist_are_not_found()
    {
        var scene = await silos.SceneAsync();
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetReleaseAsync(scene.Owner, scene.Store, "r000009"));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, "r000009"));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetPrivacyStatementAsync(scene.Owner, scene.Store, "r000009"));
    }

    [Fact]
    public async Task A_release_that_is_being_published_cannot_be_retired_yet()
    {
        var scene = await silos.SceneAsync();
        await scene.AppendAsync("b1", Samples.Rows(10, 1));
        var store = new StoreId(await scene.IncarnationAsync());
        // Without its job no scan starts it.
        var row = new ReleaseDocument
        {
            Id = "r000009",
            State = ReleaseDocument.Publishing,
            Created = default,
            Slots = 10,
            Ladder = [1],
            SegmentsBelow = 1,
            Manifest = "m",
            ManifestBytes = 1,
            NoiseBinding = "b",
        };
        await silos.Silos.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Insert(Documents.Below(store, row.Id), row)] });
        await Refused.WithAsync(ProblemCodes.Conflict, () => scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, row.Id));
        var described = await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, row.Id);
        Assert.Equal(("publishing", 0.0), (described.State, described.Progress));
    }

    [Fact]
    public async Task The_secret_and_the_exact_sums_are_gone_once_a_release_is_published()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        var store = new StoreId(await scene.IncarnationAsync());
        Assert.Null((await silos.Silos.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value.Secret);
        Assert.Empty(await silos.Silos.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10));
        Assert.Empty(await silos.Silos.Storage.Catalog.ListAsync(Documents.Job.Name, Documents.Under(store), null, 10));
    }

    [Fact]
    public async Task Publishes_retirements_and_deletions_are_in_the_audit_log()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        var store = await scene.IncarnationAsync();
        await scene.GrantAsync(1);
        await scene.Door.DeleteStoreAsync(scene.Owner, scene.Store);
        var lines = new List<AuditLine>();
        var @operator = await silos.Silos.OperatorAsync();
        for (long? after = 0; after is { } from;)
        {
            var page = await scene.Door.ListAuditAsync(@operator, from, 7);
            lines.AddRange(page.Entries);
            after = page.Next;
        }
        Assert.Equal(Enumerable.Range(1, lines.Count).Select(i => (long)i), lines.Select(line => line.Sequence));
        var own = lines.Where(line => line.Store == store).ToArray();
        Assert.Equal(["store.create", "release.freeze", "release.published", "release.retire", "budget.grant", "store.delete"], own.Select(line => line.Action));
        Assert.Equal([scene.Owner.Account.Value, scene.Owner.Account.Value, "coordinator", scene.Owner.Account.Value, scene.Owner.Account.Value, scene.Owner.Account.Value], own.Select(line => line.Actor));
        Assert.Equal((scene.User.Account.Value, "1"), (own[4].Target, own[4].Detail));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListAuditAsync(@operator, -1, 7));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => scene.Door.ListAuditAsync(@operator, 0, 1001));
    }

    [Fact]
    public async Task The_same_definition_finds_the_store_and_another_one_is_a_conflict()
    {
        var scene = await silos.SceneAsync();
        var (store, isNew) = await scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, Samples.Definition() with { Queries = Samples.Definition().Keys });
        Assert.False(isNew);
        Assert.Equal(await scene.IncarnationAsync(), store.Incarnation);
        foreach (var other in new[]
        {
            Samples.Definition() with { Limit = 7 }, Samples.Definition() with { Ladder = [0.5, 1] }, Samples.Definition() with { Capacity = 5 }, Samples.Definition() with { Scale = 2 },
            Samples.Definition(shards: 4), Samples.Definition(adjacency: SchemaFactory.AddRemove),
        })
            await Refused.WithAsync(ProblemCodes.Conflict, () => scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, other));
    }

    [Fact]
    public async Task Racing_makers_of_one_store_make_one()
    {
        var owner = await silos.Silos.PrincipalAsync(Roles.Owner, SharedSilos.Fresh("owner"));
        var name = SharedSilos.Fresh("raced");
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => silos.Door.EnsureStoreAsync(owner, name, Samples.Definition())));
        Assert.Single(made, store => store.IsNew);
        Assert.Single(made.Select(store => store.Store.Incarnation).Distinct());
    }

    public static TheoryData<StoreDefinition, string> Bad() => new()
    {
        { Samples.Definition() with { KeyDimension = 0 }, "keyDimension" },
        { Samples.Definition() with { KeyDimension = 70_000 }, "keyDimension" },
        { Samples.Definition() with { ValueDimension = -1 }, "valueDimension" },
        { Samples.Definition() with { Keys = new RegionBound() }, "keys: state exactly one" },
        { Samples.Definition() with { Keys = new RegionBound(new BallBound(1), new BoxBound([0], [1])) }, "keys: state exactly one" },
        { Samples.Definition() with { Keys = new RegionBound(new BallBound(0)) }, "radius" },
        { Samples.Definition() with { Keys = new RegionBound(new BallBound(1, [1])) }, "centre has 1 numbers" },
        { Samples.Definition() with { Queries = new RegionBound(Box: new BoxBound([0, 0], [1])) }, "queries: the box's low needs 5 numbers" },
        { Samples.Definition() with { Queries = new RegionBound(Box: new BoxBound([1], [0])) }, "box" },
        { Samples.Definition() with { Values = new ValueBoundStatement() }, "values: state exactly one" },
        { Samples.Definition() with { Values = new ValueBoundStatement(double.NaN) }, "radius" },
        { Samples.Definition() with { Scale = -1 }, "scale" },
        { Samples.Definition() with { Adjacency = "both\n" }, "adjacency must be replace-one or add-remove, not both?" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("none-such") }, "mechanism none-such is not known" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Kernel: "exact") }, "kernel must be minimax or taylor" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Degree: 1, Kernel: "taylor"), Scale = 3 }, "relative error" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Alpha: 0.1) }, "alpha, gridCells and copies belong to distance-tree, and the mechanism is moment-tree" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("moment-tree", GridCells: 16) }, "gridCells" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("per-query", Copies: 3) }, "the mechanism is per-query" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Kernel: "taylor") }, "kernel belongs to moment-tree" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Degree: 0) }, "degree" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Degree: 1), Scale = 2 }, "not positive" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Alpha: 0.001) }, "alpha must be 0" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", GridCells: 100) }, "power of two" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Copies: 2) }, "odd" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree"), Keys = new RegionBound(new BallBound(1, [1, 0, 0, 0, 0])) }, "around the origin" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", GridCells: 65_536), ValueDimension = 40 }, "at most 268435456 are served" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree"), Capacity = long.MaxValue }, "could overflow" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree"), Ladder = [2, 1] }, "must be above" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "some\n") }, "levels must be root or all, not some?" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(BlockRows: 64) }, "blockRows, continual and slots belong to levels all, and levels is root" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "root", Continual: true) }, "blockRows, continual and slots belong to levels all" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Slots: "on-arrival") }, "blockRows, continual and slots belong to levels all" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 1000) }, "blockRows must be a power of two between 1 and 1073741824" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 0) }, "blockRows must be a power of two" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", Slots: "on-arrival") }, "slots belongs to continual stores" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", Continual: true, Slots: "by chance") }, "slots must be on-arrival or public-schedule, not by?chance" },
        { Samples.Definition(adjacency: SchemaFactory.AddRemove) with { Mechanism = new MechanismDefinition(Levels: "all", Continual: true) }, "public schedule" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("distance-tree", Levels: "all") }, "levels, blockRows, continual and slots belong to moment-tree, and the mechanism is distance-tree" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition("per-query", BlockRows: 16) }, "levels, blockRows, continual and slots belong to moment-tree, and the mechanism is per-query" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 1), Capacity = 1 << 21 }, "makes 2097152 blocks, and at most 1048576 are served: use larger blockRows" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all"), KeyDimension = 100, ValueDimension = 1000 }, "a node would take 41249208 bytes, and at most 33554432 are served" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all"), KeyDimension = 100, ValueDimension = 700, Capacity = 1 << 22 }, "nodes above a block would take 375528504 bytes, and at most 268435456 are held" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 1), ValueDimension = 400, Capacity = 100_000 }, "262143 nodes of a full tree would take 52980148872 bytes at 3 tiers, and at most 8589934592 are stored" },
        { Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all"), Capacity = 1L << 30, Ladder = [0.001] }, "could overflow" },
        { Samples.Definition() with { Mechanism = null! }, "mechanism must not be null" },
        { Samples.Definition() with { Delta = 0 }, "delta" },
        { Samples.Definition() with { Delta = 1e-40 }, "2^-100" },
        { Samples.Definition() with { Ladder = [] }, "1 to 64 tiers" },
        { Samples.Definition() with { Ladder = null! }, "ladder" },
        { Samples.Definition() with { Ladder = [2, 1] }, "must be above" },
        { Samples.Definition() with { Limit = 0 }, "(0, 200]" },
        { Samples.Definition() with { Limit = 100 }, "leaves no room for the slack" },
        { Samples.Definition() with { Capacity = 0 }, "slot" },
        { Samples.Definition() with { Capacity = long.MaxValue }, "could overflow" },
        { Samples.Definition() with { Shards = 0 }, "shards" },
        { Samples.Definition() with { Shards = 5000 }, "shards" },
        { Samples.Definition() with { PublicRows = 5 }, "publicRows belongs to add-remove" },
        { Samples.Definition(adjacency: SchemaFactory.AddRemove) with { PublicRows = 0 }, "publicRows must be above 0" },
        { Samples.Definition() with { KeyDimension = 3000, Mechanism = new MechanismDefinition(Degree: 3) }, "features" },
    };

    [Theory]
    [MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public async Task A_definition_that_cannot_work_is_refused_with_its_fault_and_makes_nothing(StoreDefinition definition, string why)
    {
        var owner = await silos.Silos.PrincipalAsync(Roles.Owner, SharedSilos.Fresh("owner"));
        var problem = await Refused.WithAsync(ProblemCodes.InvalidRequest, () => silos.Door.EnsureStoreAsync(owner, SharedSilos.Fresh("bad"), definition));
        Assert.Contains(why, problem.Message);
        Assert.DoesNotContain("Parameter '", problem.Message);
        Assert.Empty(await silos.Door.ListStoresAsync(owner));
    }
}
