using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// Which integers a release can have does not depend on its rows, for every mechanism. Over 600 releases of each of two very different row sets every residue comes up as often as chance says:
/// chi-square probabilities below 1e-9 fail, of about 1,000 that are looked at; secrets are fixed, so the outcome is too. Mironov's attack, on noise that does not cover the lattice, is the companion.
/// </summary>
public class SupportTests
{
    private const double LeastProbability = 1e-9;
    private const int Count = 600;

    private static readonly Epsilon[] Tiers = [new(0.5), new(1)];

    public static TheoryData<string> Mechanisms => new("moment root", "moment node", "distance tree", "distance exact", "per-query");

    [Theory]
    [MemberData(nameof(Mechanisms))]
    public void Every_integer_is_reached_whatever_the_rows(string mechanism)
    {
        foreach (var isFull in new[] { false, true })
        {
            var (releases, steps) = Releases(mechanism, isFull, noise => noise);
            Assert.True(Support.LeastProbability(releases, steps) > LeastProbability);
            Assert.All(Support.Grids(releases), gcd => Assert.True(gcd.IsOne));
        }
    }

    [Theory]
    [MemberData(nameof(Mechanisms))]
    public void Noise_on_a_coarser_lattice_leaves_a_residue_of_the_rows_bare_and_is_caught(string mechanism)
    {
        // Even noise; noise that is scaled by the sums' own step; noise that was a single-precision number.
        var (_, steps) = Releases(mechanism, isFull: true, noise => noise, count: 1);
        foreach (var step in new[] { 2, Math.Max(3, steps.Max()), 1L << 12 })
        {
            var (releases, _) = Releases(mechanism, isFull: true, noise => new CoarseNoise(noise, step));
            Assert.True(Support.LeastProbability(releases, steps) < LeastProbability, $"step {step}");
            Assert.Contains(Support.Grids(releases), gcd => gcd >= step);
        }
    }

    /// <summary>The exact sums themselves are multiples of their steps: the denominator's of gamma's integer, a part's of its multiplier. Noise is what hides it.</summary>
    [Theory]
    [MemberData(nameof(Mechanisms))]
    public void Exact_sums_are_multiples_of_their_steps(string mechanism)
    {
        var (releases, steps) = Releases(mechanism, isFull: true, _ => new NoNoise(), count: 1);
        Assert.Contains(steps, step => step > 1);
        Assert.Contains(releases[0], x => x != 0);
        for (var k = 0; k < steps.Count; k++)
            Assert.Equal(0, releases[0][k] % steps[k]);
    }

    /// <summary>Integers of many releases of one row set, of both tiers where there are two, and what each one's exact sum is a multiple of.</summary>
    private static (IReadOnlyList<long[]> Releases, IReadOnlyList<long> Steps) Releases(string mechanism, bool isFull, Func<INoiseSource, INoiseSource> wrap, int count = Count)
    {
        var schema = TestRows.BoxSchema(2, 1, 100, 0.5, Adjacency.AddRemove);
        // All slots null, or all at random places: neighbours of neighbours of each other.
        var (keys, values) = TestRows.Make(schema, 100, 3);
        var rows = RowSet.Create(keys, values, [.. Enumerable.Repeat(!isFull, 100)]);
        INoiseSource Noise(int number) => wrap(PerQueryRequests.Noise(number));
        IReadOnlyList<long[]> Many(Func<INoiseSource, long[]> one) => [.. Enumerable.Range(0, count).Select(i => one(Noise(i)))];
        switch (mechanism)
        {
            case "moment root":
                var moments = MomentParameters.Create(schema, 2);
                var exact = MomentAccumulator.Sum(moments, rows);
                var ladder = MomentRelease.Calibrate(moments, Tiers, TestRows.Delta);
                return (Many(noise => [.. MomentRelease.Publish(exact, ladder, noise).Tiers.SelectMany(tier => tier.Values)]), StepsOf(moments, 2));
            case "moment node":
                var tree = MomentTreeParameters.Create(MomentParameters.Create(schema, 2), 32);
                var node = new MomentNode(2, MomentAccumulator.Sum(tree.Moments, rows.Slice(0, 64)));
                var nodes = tree.Calibrate(Tiers, TestRows.Delta);
                return (Many(noise => [.. ReleasedNode.Publish(tree, node, nodes, noise).SelectMany(tier => tier.Moments.Values)]), StepsOf(tree.Moments, 2));
            case "per-query":
                var plan = PerQueryRequests.Plan(schema, PerQueryRequests.Queries(schema, 3));
                var sums = PerQueryRequests.Sums(plan, rows);
                return (Many(noise => PerQueryRequests.Add(sums, PerQueryNoise.Draw(plan, noise))), [.. sums.Select((_, k) => k % 2 == 0 ? plan.Parameters.GammaSteps : 1)]);
            default:
                var distances = DistanceTreeParameters.Create(schema, 2, mechanism == "distance exact" ? 0 : 0.5, 8);
                var grid = DistanceTreeSums.Sum(distances, rows);
                var tiers = DistanceTreeRelease.Calibrate(distances, Tiers, TestRows.Delta);
                long[] parts = distances.IsExact
                    ? [.. Enumerable.Range(0, distances.Features).Select(a => (long)a)]
                    : [0, 1, distances.PartOf(1, 2), distances.PartOf(1, 7), distances.PartOf(1, 15), distances.PartOf(distances.Features - 1, 3)];
                return (Many(noise => [.. DistanceTreeRelease.Publish(grid, tiers, noise).Tiers.SelectMany(tier => parts.SelectMany(part => Read(tier, part)))]),
                    [.. Tiers.SelectMany(_ => parts.SelectMany(part => new[] { distances.MultiplierOf(part) * distances.GammaSteps, distances.MultiplierOf(part) }))]);
        }
    }

    private static long[] Read(ReleasedDistanceTree tier, long part)
    {
        var values = new long[tier.Parameters.Columns];
        tier.Read(part, values);
        return values;
    }

    private static long[] StepsOf(MomentParameters parameters, int tiers) =>
        [.. Enumerable.Range(0, tiers * (int)parameters.Dimension).Select(k => k % parameters.Columns == 0 ? parameters.GammaSteps : 1)];

    private sealed class NoNoise : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination) => destination.Clear();
    }
}
