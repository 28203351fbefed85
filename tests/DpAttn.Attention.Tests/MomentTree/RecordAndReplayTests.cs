using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// Run on D with all noise recorded, replay on a neighbour D' with the noise frozen: what differs outside the noised sums is a leak, and the
/// noised sums may differ by no more than the declared sensitivity.
/// </summary>
public class RecordAndReplayTests
{
    private static readonly Epsilon[] Ladder = [new(0.25), new(1), new(4)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(700)]
    public void Under_replace_one_only_the_noised_sums_differ_and_by_no_more_than_declared(int rows)
    {
        var schema = new StoreSchema(Region.Ball(4, 1), Region.Ball([0.2, 0, 0, -0.4], 0.8), ValueBound.Ball(3, 1), 1.2, Adjacency.ReplaceOne, rows);
        var parameters = MomentParameters.Create(schema, 2);
        var (keys, values) = TestRows.Make(schema, rows, 5);
        for (var round = 0; round < 20; round++)
        {
            var (otherKeys, otherValues) = (Copy(keys), Copy(values));
            var changed = round % rows;
            TestRows.PointIn(schema.Keys, new Random(round)).CopyTo(otherKeys.Row(changed));
            for (var j = 0; j < 3; j++)
                otherValues[changed, j] = -values[changed, j];
            Check(parameters, RowSet.Create(keys, values), RowSet.Create(otherKeys, otherValues));
        }
    }

    /// <summary>0, 1 and 2 rows among the slots, and many.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(700, 650)]
    public void Under_add_remove_only_the_noised_sums_differ_and_by_no_more_than_declared(int slots, int rows)
    {
        var schema = TestRows.BoxSchema(5, 2, slots, 0.3, Adjacency.AddRemove);
        var parameters = MomentParameters.Create(schema, 3);
        var (keys, values) = TestRows.Make(schema, slots, 6);
        var isNull = Enumerable.Range(0, slots).Select(slot => slot >= rows).ToArray();
        for (var slot = 0; slot < Math.Min(slots, 20); slot++)
        {
            var neighbour = (bool[])isNull.Clone();
            neighbour[slot] ^= true;
            Check(parameters, RowSet.Create(keys, values, isNull), RowSet.Create(keys, values, neighbour));
        }
    }

    [Fact]
    public void What_a_null_slot_holds_does_not_matter()
    {
        var schema = TestRows.BallSchema(2, 1, 2, adjacency: Adjacency.AddRemove);
        var parameters = MomentParameters.Create(schema, 2);
        var values = new Matrix<double>(2, 1, [1, double.NaN]);
        var sums = MomentAccumulator.Sum(parameters, RowSet.Create(new Matrix<double>(2, 2, [1, 0, 77, double.NegativeInfinity]), values, [false, true]));
        Assert.Equal(MomentAccumulator.Sum(parameters, TestRows.OneRow([1, 0], [1])).Sums, sums.Sums);
    }

    [Fact]
    public void The_check_catches_a_public_figure_that_depends_on_rows()
    {
        // A leak planted on purpose: a capacity taken from the rows.
        var keys = new Matrix<double>(2, 2, [1, 0, 0, 1]);
        var values = new Matrix<double>(2, 1, [1, -1]);
        var a = Describe(Publish(MomentParameters.Create(TestRows.BallSchema(2, 1, 2), 2), RowSet.Create(keys, values), Noise()));
        var b = Describe(Publish(MomentParameters.Create(TestRows.BallSchema(2, 1, 3), 2), RowSet.Create(keys, values), Noise()));
        Assert.NotEqual(a, b);
    }

    private static void Check(MomentParameters parameters, RowSet rows, RowSet neighbour)
    {
        var recorder = new RecordingNoise(Noise());
        var release = Publish(parameters, rows, recorder);
        var replay = new ReplayedNoise(recorder.Recorded);
        var other = Publish(parameters, neighbour, replay);

        Assert.Equal(Ladder.Length, replay.Asked);
        Assert.Equal(Describe(release), Describe(other));
        for (var t = 0; t < Ladder.Length; t++)
        {
            var squares = release.Tiers[t].Values.Zip(other.Tiers[t].Values, (x, y) => (double)(x - y) * (x - y)).Sum();
            Assert.InRange(Math.Sqrt(squares), 0, (double)parameters.Sensitivity.Integer);
            // Between tiers lies noise alone: frozen, it is the same on both sides.
            if (t > 0)
                Assert.Equal(Difference(release, t), Difference(other, t));
        }
    }

    private static long[] Difference(MomentRelease release, int tier) =>
        [.. release.Tiers[tier - 1].Values.Zip(release.Tiers[tier].Values, (x, y) => x - y)];

    private static MomentRelease Publish(MomentParameters parameters, RowSet rows, INoiseSource noise)
    {
        var ladder = MomentRelease.Calibrate(parameters, Ladder, TestRows.Delta);
        return MomentRelease.Publish(MomentAccumulator.Sum(parameters, rows), ladder, noise);
    }

    private static KeyedNoise Noise() => new(ReleaseKey.Derive(SHA256.HashData("record"u8), new byte[32]));

    /// <summary>Everything about a release but its noised integers.</summary>
    private static string Describe(MomentRelease release) => string.Join('\n', release.Tiers.Select(tier =>
        $"{tier.Tier} {tier.Variance} {tier.Slots} {tier.Values.Length} {tier.Parameters.Features} {tier.Parameters.Columns} "
        + $"{tier.Parameters.FeatureExponent} {tier.Parameters.ValueExponent} {tier.Parameters.GammaSteps} {tier.Parameters.Sensitivity.Integer} "
        + $"{tier.Parameters.Schema.Capacity} {release.Ladder.Tiers[tier.Tier]}"));

    private static Matrix<double> Copy(Matrix<double> matrix) => new(matrix.Rows, matrix.Columns, [.. matrix.Data]);
}
