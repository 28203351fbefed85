using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Publishes of the moment tree, whose noised nodes are stored.</summary>
public sealed class PublishJobTests() : PublishJobContract(MomentRelease.Mechanism)
{
    /// <summary>Sums and nodes of several parts, of which the first process stored only some.</summary>
    [Theory]
    [InlineData("put ShardSums", 1)]
    [InlineData("put ShardSums", 2)]
    [InlineData("put Node", 1)]
    [InlineData("put Node", 2)]
    public async Task Parts_that_a_stopped_process_left_are_completed_and_not_taken_for_damage(string put, int part)
    {
        var definition = Samples.Definition(shards: 1) with { KeyDimension = 160, ValueDimension = 43, Ladder = [1] };
        var store = await Bench.MakeStoreAsync(definition);
        var rows = new RowBatch(new FloatMatrix(new Matrix<float>(3, 160)), new FloatMatrix(new Matrix<float>(3, 43)));
        for (var i = 0; i < 3; i++)
            (rows.Keys.Single![i, i], rows.Values.Single![i, i]) = (1, -1);
        await Bench.Side.AppendAsync(store, "b", rows);
        var release = await Bench.Side.FreezeAsync(store);
        Assert.True((await Bench.Side.Directory.ReadAsync(store))!.Released.Dimension * sizeof(long) > ISegmentStore.LargestBlobBytes);
        var expected = await ExpectedAsync(store, release);
        var plan = new FaultPlan { FailingCall = part, Fault = Fault.After, Counts = call => call == put };
        try
        {
            // A shard tries again by itself, the publish only when it is resumed.
            Assert.Equal(PublishOutcome.Published, await Bench.With(plan).PublishAsync(store, release));
            Assert.Equal("put ShardSums", put);
        }
        catch (StorageOutcomeUnknownException)
        {
            Assert.Equal("put Node", put);
            Assert.Equal(PublishOutcome.Published, await Bench.Side.PublishAsync(store, release));
        }
        Assert.True(plan.HasFailed);
        Assert.Equal(expected, await Bench.Side.ReadNodesAsync(store, release));
    }

    [Fact]
    public async Task The_nodes_that_another_process_stored_first_are_the_ones_that_are_served()
    {
        // Noise of another sampler, as a process gone mad would draw it: it came first, so it is what everybody serves.
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var document = await Bench.Side.ReadReleaseAsync(store, release);
        var model = (await Bench.Side.Directory.ReadAsync(store))!.Released;
        var first = Enumerable.Range(0, (int)model.Dimension).Select(i => (long)i).ToArray();
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.Node, ReleaseBook.NodeId(document, 1), NodeCodec.Encode(first, document.Slots));
        Assert.Equal(PublishOutcome.Published, await Bench.Side.PublishAsync(store, release));
        var nodes = await Bench.Side.ReadNodesAsync(store, release);
        Assert.Equal(first, nodes[1]);
        Assert.NotEqual(first, nodes[0]);
    }
}
