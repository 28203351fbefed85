using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;
using DpAttn.Privacy;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// The whole house runs on D with all noise recorded and on a neighbour D' with the same noise. What leaves it may differ in the noised sums, and in what is
/// computed from them, only; and the sums by no more than the declared sensitivity. Random ids, salts and times are drawn, not computed from rows, and are
/// named as such.
/// </summary>
public class RecordAndReplayTests
{
    private const int Rows = 40;
    private const int Changed = 17;

    [Theory]
    [InlineData("moment-tree")]
    [InlineData(Samples.AllLevels)]
    [InlineData("distance-tree")]
    public async Task Under_replace_one_only_the_noised_sums_differ_and_by_no_more_than_declared(string mechanism)
    {
        var rows = Samples.Rows(Rows, 3);
        var neighbour = Samples.Rows(Rows, 3);
        Samples.Rows(1, 99).Keys.Single!.Row(0).CopyTo(neighbour.Keys.Single!.Row(Changed));
        for (var j = 0; j < Samples.ValueDimension; j++)
            neighbour.Values.Single![Changed, j] *= -1;
        await CheckAsync(Samples.Of(mechanism, 2), rows, neighbour);
    }

    [Theory]
    [InlineData("moment-tree", 0)]
    [InlineData("moment-tree", 1)]
    [InlineData("moment-tree", 2)]
    [InlineData("moment-tree", 39)]
    [InlineData(Samples.AllLevels, 0)]
    [InlineData(Samples.AllLevels, 39)]
    [InlineData("distance-tree", 0)]
    [InlineData("distance-tree", 39)]
    public async Task Under_add_remove_only_the_noised_sums_differ_and_by_no_more_than_declared(string mechanism, int count)
    {
        var isNull = Enumerable.Range(0, Rows).Select(i => i == Changed || i >= count + (i > Changed ? 1 : 0)).ToArray();
        var other = (bool[])isNull.Clone();
        other[Changed] = false;
        await CheckAsync(Samples.Of(mechanism, 2, SchemaFactory.AddRemove), Samples.Rows(Rows, 3, isNull), Samples.Rows(Rows, 3, other));
    }

    [Fact]
    public async Task The_check_catches_a_figure_that_depends_on_rows()
    {
        // A leak planted on purpose: the neighbour has another number of slots.
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => CheckAsync(Samples.Definition(2), Samples.Rows(Rows, 3), Samples.Rows(Rows + 1, 3)));
    }

    private static async Task CheckAsync(StoreDefinition definition, RowBatch rows, RowBatch neighbour)
    {
        var recorder = new RecordingNoises();
        var recorded = await RunAsync(definition, rows, recorder);
        var replay = new ReplayedNoises(recorder.OnePerAddress());
        var replayed = await RunAsync(definition, neighbour, replay);

        // Noise of the same addresses, as often: of every tier once, or of every part that was asked for.
        Assert.Equal(recorder.Drawn.Count, replay.Asked);
        Assert.True(replay.Asked >= definition.Ladder.Count);
        Assert.Equal(recorded.Public, replayed.Public);
        var sensitivity = Released.SensitivityOf(SchemaFactory.Resolve(definition));
        Assert.NotEqual(recorded.Nodes[^1], replayed.Nodes[^1]);
        for (var tier = 0; tier < recorded.Nodes.Count; tier++)
        {
            var squares = recorded.Nodes[tier].Zip(replayed.Nodes[tier], (x, y) => (double)(x - y) * (x - y)).Sum();
            Assert.InRange(Math.Sqrt(squares), 0, sensitivity);
            // Between tiers lies noise alone: frozen, it is the same on both sides.
            if (tier > 0)
                Assert.Equal(Difference(recorded.Nodes, tier), Difference(replayed.Nodes, tier));
        }
    }

    /// <summary>The main job and everything that can go wrong in it, with all that leaves the house written down.</summary>
    private static async Task<(List<string> Public, List<long[]> Nodes)> RunAsync(StoreDefinition definition, RowBatch rows, INoiseSources noise)
    {
        await using var silos = await TestSilos.StartAsync(1, replace: (services, _) => services.AddSingleton(noise));
        var door = silos.FrontDoor;
        var owner = await silos.PrincipalAsync(Roles.Owner, "owner");
        var user = await silos.PrincipalAsync(Roles.User, "user");
        var log = new List<string>();
        async Task TellAsync<T>(Task<T> call)
        {
            try
            {
                log.Add(JsonSerializer.Serialize(await call));
            }
            catch (ProblemException e)
            {
                log.Add(JsonSerializer.Serialize(new { e.Code, e.Message, e.Requested, e.Remaining, e.ShortBy, e.Delta, e.Affordable, e.Prices }));
            }
        }

        var (store, _) = await door.EnsureStoreAsync(owner, "s", definition);
        await TellAsync(door.AppendAsync(owner, "s", "b1", rows));
        await TellAsync(door.AppendAsync(owner, "s", "b1", rows));
        await TellAsync(door.AppendAsync(owner, "s", "b1", Samples.Rows(3, 4)));
        await TellAsync(door.AppendAsync(owner, "s", "b2", new RowBatch(new FloatMatrix(new Matrix<float>(1, 5, [9, 0, 0, 0, 0])), new FloatMatrix(new Matrix<float>(1, 3)))));
        await TellAsync(Done(door.EraseRowAsync(owner, "s", "b1", 2)));
        var release = await door.PublishAsync(owner, "s", new PublishRequest(), "p1");
        await Wait.PublishedAsync(door, owner, "s", release.Id);
        await TellAsync(Done(door.EraseRowAsync(owner, "s", "b1", Changed)));
        await TellAsync(door.GetStoreAsync(owner, "s"));
        await TellAsync(door.ListStoresAsync(owner));
        await TellAsync(door.GetReleaseAsync(owner, "s", release.Id));
        await TellAsync(door.GetPrivacyStatementAsync(owner, "s", release.Id));
        await TellAsync(door.EstimateAsync(owner, "s", new EstimateRequest()));
        await TellAsync(door.SetBudgetAsync(owner, "s", user.Account.Value, new LimitRequest(1)));
        await TellAsync(door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2))));
        Assert.Equal(definition.Mechanism.Name, store.Definition.Mechanism.Name);
        var opened = await door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2), release.Id, 1, RequestId: "k1"));
        log.Add(JsonSerializer.Serialize(opened.Privacy));
        await TellAsync(door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2), release.Id, 2)));
        await TellAsync(door.AttendAsync(user, "s", new AttendCommand(new Matrix<double>(1, 5, [0, 0, double.NaN, 0, 0]))));
        await TellAsync(door.GetMyBudgetAsync(user, "s"));
        await TellAsync(door.ListMyLedgerAsync(user, "s", null, 100));
        await TellAsync(door.ListBudgetsAsync(owner, "s", null, 100));
        await TellAsync(door.ListAuditAsync(await silos.OperatorAsync(), 0, 1000));

        var id = new StoreId(store.Incarnation);
        var document = (await silos.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(id, release.Id)))!.Value;
        var nodes = await silos.ReadReleasedAsync(id, release.Id);

        // Drawn or read from the clock, not computed from rows; the digest is salted (see ManifestTests).
        string[] drawn = [store.Incarnation, document.Manifest, owner.Account.Value, user.Account.Value, (await silos.OperatorAsync()).Account.Value];
        return ([.. log.Select(line => Times(drawn.Aggregate(line, (text, value) => text.Replace(value, "(drawn)"))))], nodes);
    }

    private static string Times(string line) =>
        System.Text.RegularExpressions.Regex.Replace(System.Text.RegularExpressions.Regex.Replace(line, @"\d{4}-\d\d-\d\dT[^""]*", "(time)"), @"""[0-9a-f]{16}""", "\"(key id)\"");

    private static long[] Difference(List<long[]> nodes, int tier) => [.. nodes[tier - 1].Zip(nodes[tier], (x, y) => x - y)];

    private static async Task<string> Done(Task call)
    {
        await call;
        return "done";
    }
}
