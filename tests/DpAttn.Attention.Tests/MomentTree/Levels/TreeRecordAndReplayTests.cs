using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// A whole tree is published on D with all noise recorded, and on a neighbour D' with that noise frozen: nothing but the noised sums differs, and all nodes together by no more than the
/// declared sensitivity.
/// </summary>
public class TreeRecordAndReplayTests
{
    private static readonly Epsilon[] Tiers = [new(0.25), new(1), new(4)];

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(700, 64)]
    public void Under_replace_one_only_the_noised_sums_differ_and_by_no_more_than_declared(int rows, int blockRows)
    {
        var schema = new StoreSchema(Region.Ball(4, 1), Region.Ball([0.2, 0, 0, -0.4], 0.8), ValueBound.Ball(3, 1), 1.2, Adjacency.ReplaceOne, rows);
        var tree = MomentTreeParameters.Create(MomentParameters.Create(schema, 2), blockRows);
        var (keys, values) = TestRows.Make(schema, rows, 5);
        for (var round = 0; round < 8; round++)
        {
            var (otherKeys, otherValues) = (new Matrix<double>(rows, 4, [.. keys.Data]), new Matrix<double>(rows, 3, [.. values.Data]));
            var changed = round * 97 % rows;
            TestRows.PointIn(schema.Keys, new Random(round)).CopyTo(otherKeys.Row(changed));
            for (var j = 0; j < 3; j++)
                otherValues[changed, j] = -values[changed, j];
            Check(tree, RowSet.Create(keys, values), RowSet.Create(otherKeys, otherValues));
        }
    }

    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(3, 1, 1)]
    [InlineData(700, 650, 16)]
    public void Under_add_remove_only_the_noised_sums_differ_and_by_no_more_than_declared(int slots, int rows, int blockRows)
    {
        var schema = TestRows.BoxSchema(5, 2, slots, 0.3, Adjacency.AddRemove);
        var tree = MomentTreeParameters.Create(MomentParameters.Create(schema, 3), blockRows);
        var (keys, values) = TestRows.Make(schema, slots, 6);
        var isNull = Enumerable.Range(0, slots).Select(slot => slot >= rows).ToArray();
        foreach (var slot in new[] { 0, 1, 17, 651, 699 }.Where(slot => slot < slots))
        {
            var neighbour = (bool[])isNull.Clone();
            neighbour[slot] ^= true;
            Check(tree, RowSet.Create(keys, values, isNull), RowSet.Create(keys, values, neighbour));
        }
    }

    private static void Check(MomentTreeParameters tree, RowSet rows, RowSet neighbour)
    {
        var ladder = tree.Calibrate(Tiers, TestRows.Delta);
        var recorder = new RecordingNoise(new KeyedNoise(ReleaseKey.Derive(SHA256.HashData("record"u8), new byte[32])));
        var release = MomentTreeRelease.Publish(tree, rows, ladder, recorder);
        var replay = new ReplayedNoise(recorder.Recorded);
        var other = MomentTreeRelease.Publish(tree, neighbour, ladder, replay);
        // An address a node and tier, each asked for once on both sides.
        Assert.Equal(release.Nodes(0).Count * Tiers.Length, recorder.Recorded.Count);
        Assert.Equal(recorder.Recorded.Count, replay.Asked);
        Assert.Equal(release.Extent, other.Extent);
        for (var tier = 0; tier < Tiers.Length; tier++)
        {
            var (left, right) = (release.Nodes(tier), other.Nodes(tier));
            Assert.Equal(left.Keys, right.Keys);
            Int128 squares = 0;
            foreach (var node in left.Keys)
            {
                Assert.Equal(left[node].Moments.Slots, right[node].Moments.Slots);
                foreach (var (x, y) in left[node].Moments.Values.Zip(right[node].Moments.Values))
                    squares += (Int128)(x - y) * (x - y);
            }
            Assert.InRange(Math.Sqrt((double)squares), 0, (double)tree.Sensitivity.Integer);
        }
    }
}
