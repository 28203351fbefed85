using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A distance-tree's noise is drawn by whoever is asked, on both sides at once.</summary>
public abstract partial class SplitBrainScenarios
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Every_part_of_a_distance_tree_has_one_noise_in_both_clusters()
    {
        for (var round = 0; round < _rounds; round++)
        {
            var (scene, store, release, expected) = await PublishedTreeAsync($"parts{round}", round);
            var read = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() => (i % 2 == 0 ? _left : _right).ReadReleasedAsync(store, release))));
            Assert.All(read, tiers => Assert.Equal(expected.Tiers.Select(Released.ReadAll), tiers));

            // And so have the answers of both, to queries that need parts which the other has cached, or nobody has.
            var user = await UserAsync(scene, $"asker of {scene.Store}", 4);
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i =>
                (i % 2 == 0 ? _left : _right).FrontDoor.AttendAsync(user, scene.Store, new AttendCommand(Samples.Queries(2, i / 2), release, 1))));
            var answerer = new DistanceTreeAnswerer(expected.Tiers[1]);
            for (var i = 0; i < answers.Length; i++)
                Assert.Equal(answerer.Answer(Samples.Queries(2, i / 2)).Select(answer => answer.Output), answers[i].Answers.Select(answer => answer.Output));
            Assert.Single((await _right.FrontDoor.ListMyLedgerAsync(user, scene.Store, null, 100)).Entries, line => line.Kind == "open");
        }
    }

    /// <summary>
    /// The other side is not told and hears of it by its poll: until then it may answer, from sums that it holds in memory, and with the one noise only; afterwards nobody answers, and
    /// neither sums nor secret are left.
    /// </summary>
    [Fact]
    public async Task A_release_that_one_cluster_retires_is_answered_alike_by_the_other_until_it_hears_of_it_and_never_again()
    {
        for (var round = 0; round < _rounds; round++)
        {
            var (scene, store, release, expected) = await PublishedTreeAsync($"retire{round}", round);
            var user = await UserAsync(scene, $"asker of {scene.Store}", 4);
            var answerer = new DistanceTreeAnswerer(expected.Tiers[1]);
            // Every other time the right side has not met the release before.
            await Open(round % 2 == 0 ? _left : _right, scene, user, release, "k");
            var asking = Task.Run(async () =>
            {
                var end = DateTime.UtcNow + Patience;
                for (var seed = 0; ; seed++)
                {
                    try
                    {
                        var answer = await _right.FrontDoor.AttendAsync(user, scene.Store, new AttendCommand(Samples.Queries(2, seed), release, 1));
                        Assert.Equal(answerer.Answer(Samples.Queries(2, seed)).Select(expected => expected.Output), answer.Answers.Select(row => row.Output));
                        Assert.Equal(0, answer.Privacy.Charged);
                    }
                    catch (ProblemException e) when (e.Code == ProblemCodes.ReleaseRetired)
                    {
                        return seed;
                    }
                    catch (ProblemException e)
                    {
                        // It is going: its shards have lost what they answer from.
                        Assert.Contains(e.Code, new[] { ProblemCodes.NotFound, ProblemCodes.ShardUnavailable });
                    }
                    Assert.True(DateTime.UtcNow < end, "the other cluster never heard of it");
                }
            });
            await _left.FrontDoor.RetireReleaseAsync(scene.Owner, scene.Store, release);
            await asking;

            foreach (var cluster in new[] { _left, _right })
            {
                await Refused.WithAsync(ProblemCodes.ReleaseRetired, () => cluster.FrontDoor.AttendAsync(user, scene.Store, new AttendCommand(Samples.Queries(2), release, 1)));
                await Wait.UntilAsync(async () => !await SucceedsAsync(cluster.ReadReleasedAsync(store, release), ProblemCodes.NotFound));
            }
            Assert.Empty(await _left.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10));
            Assert.Null((await _left.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!.Value.Secret);
        }
    }

    /// <summary>A distance-tree with a published release, and what the library publishes of the same rows under its key.</summary>
    private async Task<(Scene Scene, StoreId Store, string Release, DistanceTreeRelease Expected)> PublishedTreeAsync(string name, int seed)
    {
        var definition = Samples.Of(DistanceTreeRelease.Mechanism);
        var scene = await SceneAsync(name, definition);
        var store = new StoreId(await scene.IncarnationAsync());
        var rows = Samples.Rows(30, seed);
        await scene.AppendAsync("b0", rows);
        var (release, key) = await FrozenRelease.FreezeAsync(_left, store);
        await Wait.PublishedAsync(scene.Door, scene.Owner, scene.Store, release);
        var parameters = SchemaFactory.DistanceParameters(SchemaFactory.Resolve(definition));
        var ladder = DistanceTreeRelease.Calibrate(parameters, [.. definition.Ladder.Select(Epsilon.Budget)], new Delta(definition.Delta));
        return (scene, store, release, DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, rows.ToRows()), ladder, key));
    }
}
