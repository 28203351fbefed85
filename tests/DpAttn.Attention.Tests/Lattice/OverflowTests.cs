using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// A sum leaves 64 bits in no full store, and the limit says so to the last row: the largest capacity is accepted and filled with the rows that add most, one more is refused from the schema alone.
/// What goes beyond all the same is an error and never wraps around.
/// </summary>
public class OverflowTests
{
    private const string Before = "could overflow the 64-bit sums; at most ";
    private static readonly Epsilon[] Tiers = [new(0.01), new(1)];

    [Fact]
    public void A_moment_store_of_the_largest_capacity_is_filled_and_published_and_one_row_more_is_refused()
    {
        MomentParameters Make(long capacity) => MomentParameters.Create(Schema(capacity), 2);
        var largest = Largest(capacity => MomentRelease.Calibrate(Make(capacity), Tiers, TestRows.Delta));
        var parameters = Make(largest);
        var ladder = MomentRelease.Calibrate(parameters, Tiers, TestRows.Delta);
        foreach (var row in ExtremeRows())
        {
            var full = MomentMatrix.Empty(parameters);
            Fill(largest, MomentAccumulator.Sum(parameters, row), full.Add, part =>
            {
                var twice = new MomentMatrix(parameters, [.. part.Sums], part.Slots);
                twice.Add(part);
                return twice;
            });
            Assert.Equal(largest, full.Slots);
            RequireRoom(full.Sums, ladder);
            MomentRelease.Publish(full, ladder, new byte[32]);
            Assert.Contains("capacity", Assert.Throws<ArgumentException>(() => full.Add(MomentAccumulator.Sum(parameters, row))).Message);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void A_distance_tree_store_of_the_largest_capacity_is_filled_and_published_and_one_row_more_is_refused(double alpha)
    {
        DistanceTreeParameters Make(long capacity) => DistanceTreeParameters.Create(Schema(capacity), 2, alpha, 8);
        var largest = Largest(capacity => DistanceTreeRelease.Calibrate(Make(capacity), Tiers, TestRows.Delta));
        var parameters = Make(largest);
        var ladder = DistanceTreeRelease.Calibrate(parameters, Tiers, TestRows.Delta);
        long[] parts = parameters.IsExact
            ? [.. Enumerable.Range(0, parameters.Features).Select(a => (long)a)]
            : [0, 1, .. Enumerable.Range(1, parameters.Features - 1).SelectMany(a => Enumerable.Range(2, 14).Select(node => parameters.PartOf(a, node)))];
        foreach (var row in ExtremeRows())
        {
            var full = DistanceTreeSums.Empty(parameters);
            Fill(largest, DistanceTreeSums.Sum(parameters, row), full.Add, part =>
            {
                var twice = new DistanceTreeSums(parameters, [.. part.Numbers], part.Slots);
                twice.Add(part);
                return twice;
            });
            Assert.Equal(largest, full.Slots);
            var worst = DistanceTreeRelease.Publish(full, ladder, new byte[32]).Tiers[0];
            var exact = DistanceTreeNodes.Over(full).Read(parts);
            RequireRoom([.. exact.Select((x, i) => checked(x * parameters.MultiplierOf(parts[i / parameters.Columns])))], ladder);
            foreach (var part in parts)
                worst.Read(part, new long[parameters.Columns]);
            Assert.Contains("capacity", Assert.Throws<ArgumentException>(() => full.Add(DistanceTreeSums.Sum(parameters, row))).Message);
        }
    }

    [Fact]
    public void A_per_query_store_of_the_largest_capacity_is_filled_and_answered_and_one_row_more_is_refused()
    {
        var largest = Largest(capacity => PerQueryParameters.Create(Schema(capacity)));
        var parameters = PerQueryParameters.Create(Schema(largest));
        // Queries at the corners: there a row's weight is the largest, 2^b.
        var corners = new Matrix<double>(4, 2, [0, 0, 1, 1, 0, 1, 1, 0]);
        var plan = PerQueryPlan.Create(parameters, corners, clip: false, new Epsilon(1), TestRows.Delta);
        foreach (var row in ExtremeRows())
        {
            long[] one = PerQueryRequests.Sums(plan, row), full = [.. one.Select(x => checked(x * largest))];
            Assert.All(full, x => Assert.True(BigInteger.Abs(x) + 64 * (BigInteger)Math.Ceiling(plan.Variance.Sigma.Value) < BigInteger.One << 63));
            PerQueryRequests.Add(full, PerQueryNoise.Draw(plan, PerQueryRequests.Noise(1)));
        }
    }

    /// <summary>What the limits allow a row is reached by the rows above to within a factor of four: they are not idle, and a limit more than four times as generous would let a full store leave 64 bits.</summary>
    [Fact]
    public void The_limits_are_not_far_from_what_rows_reach()
    {
        var parameters = MomentParameters.Create(Schema(1000), 2);
        var reached = ExtremeRows().Max(row => MomentAccumulator.Sum(parameters, row).Sums.Max(Math.Abs));
        var allowed = (Math.Ceiling(parameters.FeatureNormSteps) + 1) * parameters.LargestValueSteps;
        Assert.InRange(reached / allowed, 0.25, 1);
    }

    [Fact]
    public void What_leaves_64_bits_all_the_same_is_an_error_and_never_wraps_around()
    {
        var moments = MomentParameters.Create(Schema(1000), 2);
        MomentMatrix Moments(long value) => new(moments, [.. Enumerable.Repeat(value, (int)moments.Dimension)], 1);
        Assert.Throws<OverflowException>(() => Moments(long.MaxValue).Add(Moments(1)));
        Assert.Throws<OverflowException>(() => Moments(long.MinValue).Add(Moments(-1)));
        Moments(long.MaxValue - 1).Add(Moments(1));
        var ladder = MomentRelease.Calibrate(moments, Tiers, TestRows.Delta);
        // Of 6 x 2 numbers at the edge some get noise of either sign.
        Assert.Throws<OverflowException>(() => MomentRelease.Publish(Moments(long.MaxValue), ladder, new byte[32]));
        Assert.Throws<OverflowException>(() => MomentRelease.Publish(Moments(long.MinValue), ladder, new byte[32]));

        var distances = DistanceTreeParameters.Create(Schema(1000), 2, 0.5, 8);
        DistanceTreeSums Sums(long value) => new(distances, [.. Enumerable.Repeat(value, DistanceTreeSums.SizeFor(distances))], 1);
        Assert.Throws<OverflowException>(() => Sums(long.MaxValue).Add(Sums(1)));
        Assert.Throws<OverflowException>(() => DistanceTreeNodes.Over(Sums(long.MaxValue / 4)));
        var noise = new DistanceTreeNoise(distances, DistanceTreeRelease.Calibrate(distances, Tiers, TestRows.Delta), PerQueryRequests.Noise(1), 0);
        Assert.Throws<OverflowException>(() => noise.Noise(0, [long.MaxValue / 2, 0], new long[2]));
        noise.Noise(0, [1, 0], new long[2]);
    }

    private static StoreSchema Schema(long capacity) => TestRows.BoxSchema(2, 1, capacity, 0.5);

    private static IEnumerable<RowSet> ExtremeRows() =>
        from key in new double[][] { [0, 0], [1, 1], [0, 1], [1, 0] }
        from value in new[] { -1.0, 1 }
        select TestRows.OneRow(key, [value]);

    /// <summary>The capacity that the refusal of a boundless one names, after trying it and the one above it.</summary>
    private static long Largest(Action<long> make)
    {
        long Named(long capacity)
        {
            var message = Assert.ThrowsAny<ArgumentException>(() => make(capacity)).Message;
            Assert.Contains(Before, message);
            return long.Parse(message[(message.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..].Split(' ')[0]);
        }

        // The sums' limit first, and then the smaller one that leaves room for the noise.
        var largest = Named(long.MaxValue / 4);
        try
        {
            make(largest);
        }
        catch (ArgumentException)
        {
            largest = Named(largest);
            make(largest);
        }
        Assert.Equal(largest, Named(largest + 1));
        return largest;
    }

    private static void RequireRoom(IReadOnlyList<long> full, NoiseLadder ladder) =>
        Assert.All(full, x => Assert.True(BigInteger.Abs(x) + 64 * (BigInteger)Math.Ceiling(ladder.Tiers[0].Variance.Sigma.Value) < BigInteger.One << 63));

    /// <summary>Adds as many of one part as the binary digits of a count say.</summary>
    private static void Fill<T>(long count, T part, Action<T> add, Func<T, T> twice)
    {
        for (; count > 0; count >>= 1)
        {
            if ((count & 1) == 1)
                add(part);
            if (count > 1)
                part = twice(part);
        }
    }
}
