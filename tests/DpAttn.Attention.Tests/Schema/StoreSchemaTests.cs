namespace DpAttn.Attention.Tests;

public class StoreSchemaTests
{
    private static readonly Region Unit = Region.Ball(3, 1);
    private static readonly ValueBound Values = ValueBound.Ball(2, 1);

    [Fact]
    public void Numbers_outside_their_range_are_refused_with_the_range()
    {
        Refused("queries have 2 dimensions, keys 3", () => new StoreSchema(Unit, Region.Ball(2, 1), Values, 1, Adjacency.ReplaceOne, 1));
        foreach (var scale in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            Refused("scale must be finite and above 0", () => new StoreSchema(Unit, Unit, Values, scale, Adjacency.ReplaceOne, 1));
        foreach (var capacity in new[] { 0, -1, long.MinValue })
            Refused("a store needs at least one row slot", () => new StoreSchema(Unit, Unit, Values, 1, Adjacency.ReplaceOne, capacity));
        Refused("adjacency must be replace-one or add-remove", () => new StoreSchema(Unit, Unit, Values, 1, (Adjacency)2, 1));
        Refused("at most 65536 are supported", () => new StoreSchema(Region.Ball(65537, 1), Region.Ball(65537, 1), Values, 1, Adjacency.ReplaceOne, 1));
        Refused("at most 65536 are supported", () => new StoreSchema(Unit, Unit, ValueBound.Ball(65537, 1), 1, Adjacency.ReplaceOne, 1));
        Assert.Throws<ArgumentNullException>(() => new StoreSchema(null!, Unit, Values, 1, Adjacency.ReplaceOne, 1));
        Assert.Throws<ArgumentNullException>(() => new StoreSchema(Unit, null!, Values, 1, Adjacency.ReplaceOne, 1));
        Assert.Throws<ArgumentNullException>(() => new StoreSchema(Unit, Unit, null!, 1, Adjacency.ReplaceOne, 1));
    }

    [Fact]
    public void The_exponents_range_is_scale_times_both_radii_and_is_never_left()
    {
        var schema = new StoreSchema(Region.Box(3, 0, 2), Region.Ball([1, 0, 0], 0.5), Values, 0.7, Adjacency.ReplaceOne, 1);
        Assert.Equal(0.7 * 0.5 * Math.Sqrt(3), schema.Interval, 1e-5);
        var random = new Random(1);
        for (var i = 0; i < 10_000; i++)
        {
            double[] k = TestRows.PointIn(schema.Keys, random), q = TestRows.PointIn(schema.Queries, random);
            Assert.Equal(RegionFault.None, schema.Keys.TryCentre(k, clip: true));
            Assert.Equal(RegionFault.None, schema.Queries.TryCentre(q, clip: true));
            Assert.True(Math.Abs(schema.Scale * k.Zip(q, (x, y) => x * y).Sum()) <= schema.Interval);
        }
    }

    private static void Refused(string message, Action create) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(create).Message);
}
