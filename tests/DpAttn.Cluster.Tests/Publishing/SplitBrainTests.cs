using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// Two clusters that know nothing of each other on one storage: every grain has two activations, each of which believes to be alone. What decides is the
/// storage, so nothing is published twice, spent twice or served in two versions.
/// </summary>
public abstract partial class SplitBrainScenarios
{
    private readonly TestSilos _left;
    private readonly TestSilos _right;
    private readonly int _rounds;

    protected SplitBrainScenarios(TwoClusters clusters, int rounds)
    {
        Assert.SkipWhen(clusters.Missing is not null, clusters.Missing ?? "");
        (_left, _right, _rounds) = (clusters.Left, clusters.Right, rounds);
    }

    [Theory]
    [InlineData("moment-tree")]
    [InlineData("distance-tree")]
    public async Task Two_freezes_of_different_segment_sets_never_become_one_release(string mechanism)
    {
        for (var round = 0; round < _rounds; round++)
        {
            var scene = await SceneAsync($"freeze{round}-{mechanism}", Samples.Of(mechanism));
            await scene.AppendAsync("b0", Samples.Rows(30, round));
            await Task.WhenAll(
                _left.FrontDoor.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null),
                AppendAndPublishAsync(_right.FrontDoor, scene, "b1", round),
                AppendAndPublishAsync(_left.FrontDoor, scene, "b2", round));
            await RequireEachReleaseIsOfItsManifestAsync(scene, releases: 3);
        }
    }

    [Theory]
    [InlineData("moment-tree")]
    [InlineData("distance-tree")]
    public async Task One_request_makes_one_release_whichever_cluster_it_reaches(string mechanism)
    {
        for (var round = 0; round < _rounds; round++)
        {
            var scene = await SceneAsync($"request{round}-{mechanism}", Samples.Of(mechanism));
            await scene.AppendAsync("b0", Samples.Rows(30, round));
            var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(i =>
                (i % 2 == 0 ? _left : _right).FrontDoor.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), "p1")));
            Assert.Single(made.Select(release => release.Id).Distinct());
            await RequireEachReleaseIsOfItsManifestAsync(scene, releases: 1);
        }
    }

    [Fact]
    public async Task One_batch_is_added_once_whichever_cluster_it_reaches()
    {
        for (var round = 0; round < _rounds; round++)
        {
            var scene = await SceneAsync($"batch{round}");
            var sent = await Task.WhenAll(Enumerable.Range(0, 6).Select(i =>
                (i % 2 == 0 ? _left : _right).FrontDoor.AppendAsync(scene.Owner, scene.Store, $"b{i / 3}", Samples.Rows(30, i / 3))));
            Assert.Equal(2, sent.Count(result => !result.Replayed));
            var store = await scene.Door.GetStoreAsync(scene.Owner, scene.Store);
            Assert.Equal((60, 2), (store.Slots, store.Batches));
        }
    }

    /// <summary>Both clusters charge and compute one request, over row sets that grow meanwhile: one is charged, one is stored, and everybody is sent that one.</summary>
    [Fact]
    public async Task One_per_query_request_is_charged_and_answered_once_whichever_cluster_it_reaches()
    {
        for (var round = 0; round < _rounds; round++)
        {
            var scene = await SceneAsync($"ask{round}", PerQueries.Definition());
            await scene.AppendAsync("b0", Samples.Rows(30, round));
            var user = await UserAsync(scene, $"asker{round}", 4);
            var appending = _right.FrontDoor.AppendAsync(scene.Owner, scene.Store, "b1", Samples.Rows(30, round + 1));
            var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? _left : _right).FrontDoor.AttendAsync(user, scene.Store, PerQueries.Ask())));
            await appending;
            Assert.Single(results, result => !result.Privacy.Replayed);
            foreach (var result in results)
                PerQueries.RequireSame(results[0].Answers, result.Answers);
            PerQueries.RequireSame(results[0].Answers, (await _left.FrontDoor.AttendAsync(user, scene.Store, PerQueries.Ask())).Answers);
            Assert.Single((await scene.Door.ListMyLedgerAsync(user, scene.Store, null, 100)).Entries, line => line.Kind == "charge");
        }
    }

    /// <summary>Erasing races with freezing: a row is in the release or erased, never half of each.</summary>
    [Theory]
    [InlineData("moment-tree")]
    [InlineData("distance-tree")]
    public async Task A_row_is_erased_or_published_and_never_both(string mechanism)
    {
        var (erased, published) = (0, 0);
        for (var round = 0; round < _rounds; round++)
        {
            var scene = await SceneAsync($"erase{round}-{mechanism}", Samples.Of(mechanism));
            await scene.AppendAsync("b0", Samples.Rows(30, round));
            var erasing = _right.FrontDoor.EraseRowAsync(scene.Owner, scene.Store, "b0", 7);
            var publishing = _left.FrontDoor.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null);
            var release = (await publishing).Id;
            var isErased = await SucceedsAsync(erasing, ProblemCodes.RowPublished);
            var slots = (await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release)).Slots;
            Assert.Equal(isErased ? 29 : 30, slots);
            (erased, published) = isErased ? (erased + 1, published) : (erased, published + 1);
            await RequireEachReleaseIsOfItsManifestAsync(scene, releases: 1);
        }
        Assert.Equal(_rounds, erased + published);
    }

    [Fact]
    public async Task Two_erasures_of_one_segment_both_happen()
    {
        for (var round = 0; round < _rounds; round++)
        {
            var scene = await SceneAsync($"erasures{round}");
            await scene.AppendAsync("b0", Samples.Rows(30, round));
            await Task.WhenAll(Enumerable.Range(0, 4).Select(i =>
                SucceedsAsync((i % 2 == 0 ? _left : _right).FrontDoor.EraseRowAsync(scene.Owner, scene.Store, "b0", i), ProblemCodes.Busy)));
            for (var i = 0; i < 4; i++)
                await _left.FrontDoor.EraseRowAsync(scene.Owner, scene.Store, "b0", i);
            Assert.Equal(26, (await scene.Door.GetStoreAsync(scene.Owner, scene.Store)).Slots);
        }
    }

    [Fact]
    public async Task Of_two_charges_that_do_not_both_fit_one_is_admitted()
    {
        var scene = await SceneAsync("fit");
        await scene.AppendAsync("b0", Samples.Rows(30, 1));
        var first = (await scene.PublishAsync()).Id;
        var second = (await scene.PublishAsync()).Id;
        for (var round = 0; round < _rounds; round++)
        {
            var user = await UserAsync(scene, $"fit{round}", 1);
            var admitted = await Task.WhenAll(
                SucceedsAsync(Open(_left, scene, user, first, $"k{round}"), ProblemCodes.BudgetExhausted),
                SucceedsAsync(Open(_right, scene, user, second, $"l{round}"), ProblemCodes.BudgetExhausted));
            Assert.Single(admitted, isAdmitted => isAdmitted);
            var budget = await _left.FrontDoor.GetMyBudgetAsync(user, scene.Store);
            Assert.Single(budget.Opened);
            Assert.InRange(budget.SpentUnits, 1, budget.LimitUnits);
        }
    }

    [Theory]
    [InlineData("moment-tree")]
    [InlineData("distance-tree")]
    public async Task One_request_is_charged_once_whichever_cluster_it_reaches(string mechanism)
    {
        var scene = await SceneAsync($"once-{mechanism}", Samples.Of(mechanism));
        await scene.AppendAsync("b0", Samples.Rows(30, 1));
        var release = (await scene.PublishAsync()).Id;
        for (var round = 0; round < _rounds; round++)
        {
            var user = await UserAsync(scene, $"once{round}-{mechanism}", 4);
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Open(i % 2 == 0 ? _left : _right, scene, user, release, "same")));
            Assert.Single(answers, answer => answer.Privacy.Charged > 0);
            Assert.All(answers, answer => Assert.Equal(answers[0].Answers[0].Output, answer.Answers[0].Output));
            Assert.Equal(5, answers.Count(answer => answer.Privacy.Replayed || answer.Privacy.Charged == 0));
            var lines = (await _right.FrontDoor.ListMyLedgerAsync(user, scene.Store, null, 100)).Entries;
            Assert.Single(lines, line => line.Kind == "open");
            Assert.Equal((await _left.FrontDoor.GetMyBudgetAsync(user, scene.Store)).SpentUnits, lines.Where(line => line.Kind == "open").Sum(line => line.Units));
        }
    }

    [Fact]
    public async Task Tiers_opened_through_both_clusters_cost_the_best_one_only()
    {
        var scene = await SceneAsync("tiers");
        await scene.AppendAsync("b0", Samples.Rows(30, 1));
        var release = (await scene.PublishAsync()).Id;
        var store = new StoreId(await scene.IncarnationAsync());
        for (var round = 0; round < _rounds; round++)
        {
            var user = await UserAsync(scene, $"tiers{round}", 4);
            await Task.WhenAll(Enumerable.Range(0, 6).Select(i =>
                (i % 2 == 0 ? _left : _right).FrontDoor.AttendAsync(user, scene.Store, new AttendCommand(Samples.Queries(1), release, i % 3))));
            var budget = await _left.FrontDoor.GetMyBudgetAsync(user, scene.Store);
            Assert.Equal(2, Assert.Single(budget.Opened).Tier);
            var best = (await _left.FrontDoor.GetPrivacyStatementAsync(user, scene.Store, release)).Tiers[2];
            Assert.Equal(best.MuSquaredUnits, budget.SpentUnits);
            var books = (await _left.Storage.Ledger.ReadStoreAsync(store))!;
            Assert.Equal(best.MuSquaredUnits, books.Spent.MuSquared);
        }
    }

    private async Task<Scene> SceneAsync(string name, StoreDefinition? definition = null)
    {
        var owner = await _left.PrincipalAsync(Roles.Owner, $"owner of {name}");
        await _left.FrontDoor.EnsureStoreAsync(owner, name, definition ?? Samples.Definition());
        return new Scene(_left.FrontDoor, name, owner, []);
    }

    private async Task<Principal> UserAsync(Scene scene, string name, double limit)
    {
        var user = await _left.PrincipalAsync(Roles.User, name);
        await scene.GrantAsync(limit, user);
        return user;
    }

    private static Task<AttendResult> Open(TestSilos silos, Scene scene, Principal user, string release, string key) =>
        silos.FrontDoor.AttendAsync(user, scene.Store, new AttendCommand(Samples.Queries(1), release, 1, RequestId: key));

    private static async Task AppendAndPublishAsync(IFrontDoor door, Scene scene, string batch, int seed)
    {
        await door.AppendAsync(scene.Owner, scene.Store, batch, Samples.Rows(10, seed + 1000));
        await door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null);
    }

    private static async Task<bool> SucceedsAsync(Task call, string refusal)
    {
        try
        {
            await call;
            return true;
        }
        catch (ProblemException e)
        {
            Assert.Equal(refusal, e.Code);
            return false;
        }
    }

    /// <summary>
    /// Every release is published once, from the segments that lie below it, and both clusters serve the same integers of it.
    /// </summary>
    private async Task RequireEachReleaseIsOfItsManifestAsync(Scene scene, int releases)
    {
        var store = new StoreId(await scene.IncarnationAsync());
        var all = await scene.Door.ListReleasesAsync(scene.Owner, scene.Store);
        Assert.Equal(releases, all.Count);
        foreach (var release in all)
        {
            await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release.Id);
            var document = (await _left.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release.Id)))!.Value;
            var manifest = ReleaseManifest.Parse(await _left.Storage.Segments.ReadPartsAsync(store, BlobKind.Manifest, document.Manifest, document.ManifestBytes), document.Manifest);
            Assert.Equal(document.SegmentsBelow, manifest.Segments.Count);
            Assert.Equal(document.Slots, manifest.Segments.Sum(segment => segment.Slots));
            Assert.Equal(await _left.ReadReleasedAsync(store, release.Id), await _right.ReadReleasedAsync(store, release.Id));
        }
        var audit = await _left.Storage.Catalog.ListAuditAsync(0, 100_000);
        Assert.Equal(releases, audit.Count(row => row.Event.Store == store && row.Event.Action == "release.published"));
        Assert.Equal(releases, audit.Count(row => row.Event.Store == store && row.Event.Action == "release.freeze"));
    }
}

/// <summary>A few rounds of each.</summary>
public sealed class SplitBrainTests(TwoClusters clusters) : SplitBrainScenarios(clusters, rounds: 10), IClassFixture<TwoClusters>;

/// <summary>Many rounds of each.</summary>
[Trait("Suite", "Long")]
public sealed class LongSplitBrainTests(TwoClusters clusters) : SplitBrainScenarios(clusters, rounds: 150), IClassFixture<TwoClusters>;

/// <summary>On PostgreSQL, each cluster through connections of its own: the split brain as it happens.</summary>
public sealed class PostgresSplitBrainTests(TwoPostgresClusters clusters) : SplitBrainScenarios(clusters, rounds: 5), IClassFixture<TwoPostgresClusters>;

/// <summary>Many rounds of each on PostgreSQL.</summary>
[Trait("Suite", "Long")]
public sealed class LongPostgresSplitBrainTests(TwoPostgresClusters clusters) : SplitBrainScenarios(clusters, rounds: 50), IClassFixture<TwoPostgresClusters>;
