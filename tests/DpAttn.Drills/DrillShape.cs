using DpAttn.Contracts;

namespace DpAttn.Drills;

/// <summary>What a drill's store is like: a mechanism, dimensions that fit it, and seeded rows and queries inside the unit ball. No privacy depends on them.</summary>
/// <param name="Mechanism">The mechanism.</param>
/// <param name="KeyDimension">Numbers of a key, and of a query.</param>
/// <param name="ValueDimension">Numbers of a value.</param>
internal sealed record DrillShape(MechanismDefinition Mechanism, int KeyDimension = 64, int ValueDimension = 32)
{
    public const string MomentTree = "moment-tree", DistanceTree = "distance-tree", PerQuery = "per-query";

    /// <summary>
    /// The shape for a mechanism. A distance-tree's sums take features x grid points x columns on every shard, so its rows are smaller; three copies, so that each part has noise of several addresses.
    /// </summary>
    public static DrillShape Of(string mechanism) => mechanism == DistanceTree
        ? new DrillShape(new MechanismDefinition(DistanceTree, Alpha: 0.5, GridCells: 64, Copies: 3), 8, 8)
        : new DrillShape(new MechanismDefinition(mechanism));

    /// <summary>The shape for a mechanism under many clients: all of them need noise that a distance-tree draws anew after each kill, and its draws are to leave the processor to the others.</summary>
    public static DrillShape ForManyClients(string mechanism) => mechanism == DistanceTree
        ? new DrillShape(new MechanismDefinition(DistanceTree, Alpha: 0.5, GridCells: 16, Copies: 3), 4, 2)
        : Of(mechanism);

    /// <summary>The definition of a store of this shape.</summary>
    public StoreDefinition Define(double[] ladder, double limit, int shards = 3) => new()
    {
        KeyDimension = KeyDimension,
        ValueDimension = ValueDimension,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Mechanism = Mechanism,
        Ladder = ladder,
        Limit = limit,
        Capacity = 10_000_000,
        Shards = shards,
    };

    public (float[] Keys, float[] Values) Batch(int rows, int seed)
    {
        var random = new Random(seed);
        return (Points(random, rows, KeyDimension), Points(random, rows, ValueDimension));
    }

    /// <summary>Queries, the same ones for the same set.</summary>
    public float[] Queries(int count, int set = 0) => Points(new Random(4711 + set), count, KeyDimension);

    private static float[] Points(Random random, int count, int dimension)
    {
        var points = new float[count * dimension];
        for (var i = 0; i < points.Length; i++)
            points[i] = (float)((2 * random.NextDouble() - 1) / Math.Sqrt(dimension));
        return points;
    }
}
