using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class DistanceTreeParametersTests
{
    private static readonly StoreSchema Schema = TestRows.BoxSchema(4, 3, 1000, 0.25);

    [Fact]
    public void Parameters_outside_their_range_are_refused_and_the_message_names_the_bound()
    {
        Refused("degree must lie between 1 and 18", () => DistanceTreeParameters.Create(Schema, 0, 0.1, 64));
        Refused("degree must lie between 1 and 18", () => DistanceTreeParameters.Create(Schema, 19, 0.1, 64));
        foreach (var alpha in new[] { -0.1, 1e-4, 17, double.NaN, double.PositiveInfinity })
            Refused("alpha must be 0 (exact distances) or lie between 0.0078125 and 16", () => DistanceTreeParameters.Create(Schema, 2, alpha, 64));
        foreach (var cells in new[] { 0, 2, 63, 100, 1 << 17, -64 })
            Refused("a power of two of points, from 4 to 65536", () => DistanceTreeParameters.Create(Schema, 2, 0.1, cells));
        foreach (var copies in new[] { 0, 2, 10, 100, 101, -1 })
            Refused("an odd number from 1 to 99", () => DistanceTreeParameters.Create(Schema, 2, 0.1, 64, copies));
        Refused("keys of a distance-tree lie in a box, or in a ball around the origin", () => DistanceTreeParameters.Create(
            new StoreSchema(Region.Ball([0.1, 0], 1), Region.Ball(2, 1), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10), 2, 0.1, 64));
        Refused("queries of a distance-tree lie in a box, or in a ball around the origin", () => DistanceTreeParameters.Create(
            new StoreSchema(Region.Ball(2, 1), Region.Ball([0, 1], 1), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10), 2, 0.1, 64));
        Refused("its relative error is 1 or more", () => DistanceTreeParameters.Create(TestRows.BallSchema(2, 1, 10, 2), 1, 0.1, 64));
        Refused("it must stay within 64", () => DistanceTreeParameters.Create(TestRows.BoxSchema(2, 1, 10, 40), 2, 0.1, 64));
        Refused("at most 1073741824 are allowed. Use a smaller degree or a coarser grid", () => DistanceTreeParameters.Create(TestRows.BoxSchema(16, 64, 10, 1.0 / 16), 4, 0.1, 1024));
        Refused("at most 1073741824 are allowed. Use a smaller degree", () => DistanceTreeParameters.Create(TestRows.BoxSchema(64, 64, 10, 1.0 / 64), 5, 0, 1024));
        Refused("would leave the range of doubles", () => DistanceTreeParameters.Create(
            new StoreSchema(Region.Box(1, 0, 1e-30), Region.Box(1, 0, 1e30), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10), 5, 0.1, 64));
        Refused("too wide for a grid over that of the keys", () => DistanceTreeParameters.Create(
            new StoreSchema(Region.Box(1, 0, 1e-6), Region.Box(1, 0, 1e6), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10), 1, 0.1, 64));
        Assert.Throws<ArgumentNullException>(() => DistanceTreeParameters.Create(null!, 2, 0.1, 64));
    }

    [Fact]
    public void Keys_far_wider_than_queries_have_parameters_too()
    {
        foreach (var degree in new[] { 1, 3 })
        {
            var schema = new StoreSchema(Region.Box(1, -100, 100), Region.Box(1, -0.005, 0.005), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10);
            var parameters = DistanceTreeParameters.Create(schema, degree, 0, 1024);
            var found = new DistanceSensitivitySearch(parameters, 1).Search(pairs: 200, climbs: 2, steps: 100);
            Assert.InRange(found / (double)parameters.Sensitivity.Integer, 0.7, 1);
        }
    }

    /// <summary>The norm of a row's contribution is kept near 2^19 steps and a value near 2^15, for grids, alphas and units of every size.</summary>
    [Fact]
    public void The_lattice_is_within_the_range_that_the_specification_allows()
    {
        foreach (var (radius, bound, scale) in new[] { (1.0, 1.0, 0.25), (1e-3, 1e6, 1e5), (1e3, 1e-6, 1e-7), (7.3, 0.3, 0.003) })
        {
            foreach (var alpha in new[] { 0, 0.01, 0.5 })
            {
                foreach (var cells in new[] { 4, 1024, 1 << 14 })
                {
                    var schema = new StoreSchema(Region.Box(3, 0, radius), Region.Box(3, 0, radius), ValueBound.Ball(2, bound), scale, Adjacency.ReplaceOne, 1000);
                    var parameters = DistanceTreeParameters.Create(schema, 2, alpha, cells);
                    var f = Math.Log2((double)parameters.Sensitivity.SquaredNorm) / 2;
                    var u = Math.Log2(Math.ScaleB(schema.Values.BoundingRadius, parameters.ValueExponent));
                    Assert.InRange(f, 18.9, 19.1);
                    Assert.InRange(u, 15, 16);
                }
            }
        }
    }

    [Fact]
    public void A_capacity_that_could_overflow_is_refused_and_the_largest_that_fits_is_named_and_fits()
    {
        foreach (var alpha in new[] { 0, 0.1 })
        {
            DistanceTreeParameters Create(long capacity) => DistanceTreeParameters.Create(TestRows.BoxSchema(2, 1, capacity, 0.5), 2, alpha, 64);
            var message = Assert.Throws<ArgumentException>(() => Create(long.MaxValue)).Message;
            var largest = long.Parse(message.Split("at most ")[1].Split(' ')[0]);
            Create(largest);
            Assert.Throws<ArgumentException>(() => Create(largest + 1));
            // With noise there is less room.
            Assert.Contains("could overflow the 64-bit sums", Assert.Throws<ArgumentException>(() => DistanceReleases.Ladder(Create(largest), 0.01)).Message);
            // The largest sum of the largest store: every row at the corner, with the largest value.
            var parameters = Create(largest);
            var entry = (Int128)parameters.Scales.LargestEntry(parameters.Grids, parameters.LargestSquareSteps) * parameters.LargestValueSteps;
            Assert.True(entry * largest <= long.MaxValue && entry * (largest + 1) > long.MaxValue);
            Assert.True(new DistanceSensitivitySearch(parameters, 1).Released([1, 1], [1]).Max(Math.Abs) <= entry);
        }
    }

    [Fact]
    public void The_manifest_names_everything_that_the_noise_may_meet()
    {
        var parameters = DistanceTreeParameters.Create(Schema, 2, 0.1, 64);
        var ladder = DistanceReleases.Ladder(parameters, 0.5, 1);
        byte[] Of(DistanceTreeParameters p, NoiseLadder? l = null, long slots = 10, byte row = 0) =>
            DistanceTreeManifest.Digest(p, l ?? DistanceReleases.Ladder(p, 0.5, 1), slots, [row]);
        StoreSchema With(Region? keys = null, Region? queries = null, ValueBound? values = null, double scale = 0.25, Adjacency adjacency = Adjacency.ReplaceOne, long capacity = 1000) =>
            new(keys ?? Schema.Keys, queries ?? Schema.Queries, values ?? Schema.Values, scale, adjacency, capacity);
        var digests = new List<byte[]>
        {
            Of(parameters),
            Of(parameters, slots: 11),
            Of(parameters, row: 1),
            Of(parameters, DistanceReleases.Ladder(parameters, 0.5, 2)),
            Of(parameters, DistanceReleases.Ladder(parameters, 0.5)),
            Of(DistanceTreeParameters.Create(Schema, 3, 0.1, 64)),
            Of(DistanceTreeParameters.Create(Schema, 2, 0.1000001, 64)),
            Of(DistanceTreeParameters.Create(Schema, 2, 0, 64)),
            Of(DistanceTreeParameters.Create(Schema, 2, 0.1, 128)),
            Of(DistanceTreeParameters.Create(Schema, 2, 0.1, 64, 3)),
            Of(DistanceTreeParameters.Create(With(keys: Region.Box(4, 0, 0.9)), 2, 0.1, 64)),
            Of(DistanceTreeParameters.Create(With(queries: Region.Box(4, 0, 0.9)), 2, 0.1, 64)),
            Of(DistanceTreeParameters.Create(With(values: ValueBound.Ball(3, 0.9)), 2, 0.1, 64)),
            Of(DistanceTreeParameters.Create(With(values: ValueBound.Box(3, 1)), 2, 0.1, 64)),
            Of(DistanceTreeParameters.Create(With(scale: 0.2), 2, 0.1, 64)),
            Of(DistanceTreeParameters.Create(With(adjacency: Adjacency.AddRemove), 2, 0.1, 64)),
            Of(DistanceTreeParameters.Create(With(capacity: 1001), 2, 0.1, 64)),
        };
        Assert.Equal(digests.Count, digests.Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal(digests[0], Of(DistanceTreeParameters.Create(With(), 2, 0.1, 64)));
        // In one process the sums themselves are named.
        var one = DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 5, 1));
        Assert.NotEqual(DistanceTreeManifest.Digest(one, ladder), DistanceTreeManifest.Digest(DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 5, 2)), ladder));
        Assert.Equal(DistanceTreeManifest.Digest(one, ladder), DistanceTreeManifest.Digest(DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 5, 1)), ladder));
    }

    [Fact]
    public void Releases_of_other_parameters_and_without_slots_are_refused()
    {
        var parameters = DistanceTreeParameters.Create(Schema, 2, 0.1, 64);
        var other = DistanceReleases.Ladder(DistanceTreeParameters.Create(Schema, 2, 0.1, 128), 1);
        var sums = DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 5, 1));
        Refused("another sensitivity or dimension", () => DistanceTreeRelease.Publish(sums, other, new byte[32]));
        Refused("at least one slot", () => DistanceTreeRelease.Publish(DistanceTreeSums.Empty(parameters), DistanceReleases.Ladder(parameters, 1), new byte[32]));
        Refused("32 bytes", () => DistanceTreeRelease.Publish(sums, DistanceReleases.Ladder(parameters, 1), new byte[31]));
        var ladder = DistanceReleases.Ladder(parameters, 1);
        Refused("tier", () => new DistanceTreeNoise(parameters, ladder, ReleaseKey.Derive(new byte[32], new byte[32]), 1));
        var noise = new DistanceTreeNoise(parameters, ladder, ReleaseKey.Derive(new byte[32], new byte[32]), 0);
        Refused("4 exact and 4 noised integers, not 3 and 4", () => noise.Noise(0, new long[3], new long[4]));
        Refused("no such part", () => noise.Noise(129, new long[4], new long[4]));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
