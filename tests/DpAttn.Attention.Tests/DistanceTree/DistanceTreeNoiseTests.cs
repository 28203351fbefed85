using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>Noise on every node, column, scalar sum and copy, drawn once each.</summary>
public class DistanceTreeNoiseTests
{
    private static readonly StoreSchema Schema = TestRows.BoxSchema(2, 3, 500, 0.5);

    public static TheoryData<double> Alphas => [0, 0.5];

    /// <summary>
    /// The mean square over the variance within 6 deviations of 1 in every part and column: denominators and scalar sums included. Planted: noise 30 % off, and a build
    /// that leaves the denominator or the scalar sums without noise, as the paper does.
    /// </summary>
    [Theory]
    [MemberData(nameof(Alphas))]
    public void Every_part_and_column_has_its_noise(double alpha)
    {
        var parameters = DistanceTreeParameters.Create(Schema, 2, alpha, 8, 3);
        var sums = DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 500, 1));
        Assert.True(HasItsNoise(sums, noise => noise));
        Assert.False(HasItsNoise(sums, noise => new ScaledNoise(noise, 0.7)));
        Assert.False(HasItsNoise(sums, noise => new ScaledNoise(noise, 1.3)));
        Assert.False(HasItsNoise(sums, noise => new Silenced(noise, (_, noised) => noised[0] = 0)));
        Assert.False(HasItsNoise(sums, noise => new Silenced(noise, (address, noised) =>
        {
            if (address.Node == DistanceTreeParameters.SquarePart)
                noised.Clear();
        })));
    }

    [Theory]
    [MemberData(nameof(Alphas))]
    public void A_lower_tier_is_the_better_one_plus_fresh_noise_and_no_noise_is_used_twice(double alpha)
    {
        var parameters = DistanceTreeParameters.Create(Schema, 2, alpha, 8, 3);
        var release = DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 500, 1)), DistanceReleases.Ladder(parameters, 0.5, 1), DistanceReleases.Noise(0));
        var (seen, count) = (new HashSet<long>(), 0);
        double squares = 0, products = 0;
        var (low, high, exact) = (new long[12], new long[12], new long[12]);
        double increment = release.Ladder.Tiers[0].Increment.Sigma.Value, better = release.Ladder.Tiers[1].Variance.Sigma.Value;
        foreach (var part in DistanceSensitivitySearch.PartsOf(parameters))
        {
            release.Tiers[0].Read(part, low);
            release.Tiers[1].Read(part, high);
            new ExactDistanceTree(DistanceTreeNodes.Over(DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 500, 1)))).Read(part, exact);
            for (var k = 0; k < 12; k++)
            {
                double added = (low[k] - high[k]) / increment, best = (high[k] - exact[k]) / better;
                (squares, products, count) = (squares + added * added, products + added * best, count + 1);
                // A few thousand draws wider than 2^34 coincide by chance with probability below 1e-3; the secret is fixed.
                Assert.True(seen.Add(low[k] - high[k]) && seen.Add(high[k] - exact[k]));
            }
        }
        Assert.True(Math.Abs(squares / count - 1) < 6 * Math.Sqrt(2.0 / count));
        Assert.True(Math.Abs(products / count) < 6 / Math.Sqrt(count));
    }

    [Fact]
    public void A_part_has_the_same_noise_however_often_and_from_whatever_instance_it_is_read()
    {
        var parameters = DistanceTreeParameters.Create(Schema, 2, 0.2, 16, 3);
        var sums = DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 500, 1));
        var ladder = DistanceReleases.Ladder(parameters, 0.5, 1);
        var release = DistanceTreeRelease.Publish(sums, ladder, new byte[32]);
        double[] query = [0.25, 0.75];
        var first = new DistanceTreeAnswerer(release.Tiers[1]).Answer(query);
        var again = DpTreeCrossAttention.Create(parameters, TestRows.Rows(Schema, 500, 1), ladder, new byte[32], threads: 2);
        Assert.Equal(500, first.SlotsCovered);
        Assert.Equal(first.Output, new DistanceTreeAnswerer(release.Tiers[1]).Answer(query).Output);
        Assert.Equal(first.Output, again.Query(query, 1).Output);
        Assert.NotEqual(first.Output, again.Query(query, 0).Output);
        Assert.NotEqual(first.Output, DpTreeCrossAttention.Create(parameters, TestRows.Rows(Schema, 499, 1), ladder, new byte[32]).Query(query, 1).Output);
        Assert.Throws<ArgumentOutOfRangeException>(() => again.Query(query, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => again.Query(query, -1));
    }

    /// <summary>
    /// Run on D with all noise recorded, replay on a neighbour with the noise frozen: it asks at the same addresses, and what it publishes differs by no more than the joint sensitivity.
    /// </summary>
    [Theory]
    [InlineData(0, Adjacency.ReplaceOne)]
    [InlineData(0.5, Adjacency.ReplaceOne)]
    [InlineData(0, Adjacency.AddRemove)]
    [InlineData(0.5, Adjacency.AddRemove)]
    public void Only_the_noised_parts_differ_between_neighbours_and_by_no_more_than_declared(double alpha, Adjacency adjacency)
    {
        var schema = TestRows.BoxSchema(2, 3, 50, 0.5, adjacency);
        var parameters = DistanceTreeParameters.Create(schema, 2, alpha, 8, 3);
        var (keys, values) = TestRows.Make(schema, 50, 5);
        var ladder = DistanceReleases.Ladder(parameters, 0.25, 1);
        long[] parts = [.. DistanceSensitivitySearch.PartsOf(parameters)];
        for (var round = 0; round < 10; round++)
        {
            var (otherKeys, otherValues) = (new Matrix<double>(50, 2, [.. keys.Data]), new Matrix<double>(50, 3, [.. values.Data]));
            var isNull = adjacency == Adjacency.AddRemove ? new bool[50] : null;
            if (isNull is not null)
                isNull[round] = true;
            TestRows.PointIn(schema.Keys, new Random(round)).CopyTo(otherKeys.Row(round));
            for (var j = 0; j < 3; j++)
                otherValues[round, j] = -values[round, j];
            var recorder = new RecordingNoise(DistanceReleases.Noise(round));
            var (left, addresses) = Everything(recorder, parameters, ladder, RowSet.Create(keys, values, isNull is null ? null : new bool[50]), parts);
            var replay = new ReplayedNoise(recorder.Recorded);
            var (right, _) = Everything(replay, parameters, ladder, isNull is null ? RowSet.Create(otherKeys, otherValues) : RowSet.Create(keys, values, isNull), parts);
            Assert.Equal(addresses, recorder.Recorded.Count);
            Assert.Equal(addresses, replay.Asked);
            var squares = left.Zip(right, (x, y) => (double)(x - y) * (x - y)).Sum();
            Assert.InRange(Math.Sqrt(squares), 1, (double)parameters.Sensitivity.Integer);
        }
    }

    private static (long[] Published, int Addresses) Everything(INoiseSource noise, DistanceTreeParameters parameters, NoiseLadder ladder, RowSet rows, long[] parts)
    {
        var tier = DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, rows), ladder, noise).Tiers[0];
        var width = parameters.Columns * parameters.Copies;
        var published = new long[parts.Length * width];
        for (var i = 0; i < parts.Length; i++)
            tier.Read(parts[i], published.AsSpan(i * width, width));
        return (published, parts.Length * parameters.Copies * ladder.TierCount);
    }

    private static bool HasItsNoise(DistanceTreeSums sums, Func<INoiseSource, INoiseSource> wrap)
    {
        const int Secrets = 100;
        var parameters = sums.Parameters;
        var width = parameters.Columns * parameters.Copies;
        var ladder = DistanceReleases.Ladder(parameters, 1);
        var variance = (double)ladder.Tiers[0].Variance.Value;
        long[] parts = [.. DistanceSensitivitySearch.PartsOf(parameters)];
        var (columns, byPart) = (new double[width], new double[parts.Length]);
        var exactParts = new ExactDistanceTree(DistanceTreeNodes.Over(sums));
        var (noised, exact) = (new long[width], new long[width]);
        for (var secret = 0; secret < Secrets; secret++)
        {
            var tier = DistanceTreeRelease.Publish(sums, ladder, wrap(DistanceReleases.Noise(secret))).Tiers[0];
            for (var i = 0; i < parts.Length; i++)
            {
                tier.Read(parts[i], noised);
                exactParts.Read(parts[i], exact);
                for (var k = 0; k < width; k++)
                {
                    var square = Math.Pow(noised[k] - exact[k], 2) / variance;
                    columns[k] += square;
                    byPart[i] += square;
                }
            }
        }
        double perColumn = (double)Secrets * parts.Length, perPart = (double)Secrets * width;
        return columns.All(sum => Math.Abs(sum / perColumn - 1) < 6 * Math.Sqrt(2 / perColumn)) && byPart.All(sum => Math.Abs(sum / perPart - 1) < 6 * Math.Sqrt(2 / perPart));
    }

    private delegate void Silence(NoiseAddress address, Span<long> noise);

    /// <summary>A planted fault: some of the noise is missing.</summary>
    private sealed class Silenced(INoiseSource source, Silence silence) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            source.Fill(address, destination);
            silence(address, destination);
        }
    }
}
