using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>Seeded stores and rows.</summary>
internal static class Samples
{
    public const int KeyDimension = 5;
    public const int ValueDimension = 3;

    /// <summary>The moment tree with levels all, where mechanisms are told apart by name.</summary>
    public const string AllLevels = "moment-tree of all levels";

    public static StoreDefinition Definition(int shards = 3, string adjacency = "replace-one", long capacity = 100_000, double limit = 8) => new()
    {
        KeyDimension = KeyDimension,
        ValueDimension = ValueDimension,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Scale = 1,
        Adjacency = adjacency,
        Ladder = [0.5, 1, 2],
        Limit = limit,
        Capacity = capacity,
        PublicRows = adjacency == "add-remove" ? 1000 : null,
        Shards = shards,
    };

    /// <summary>The same for a mechanism that publishes: a distance-tree is small, with three copies; blocks are small, so that a few rows fill several pages of nodes.</summary>
    public static StoreDefinition Of(string mechanism, int shards = 3, string adjacency = "replace-one") => mechanism == MomentRelease.Mechanism
        ? Definition(shards, adjacency)
        : mechanism == AllLevels
        ? Definition(shards, adjacency) with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 4) }
        : Definition(shards, adjacency) with { Mechanism = new MechanismDefinition(mechanism, Alpha: 0.5, GridCells: 16, Copies: 3) };

    public static RowBatch Rows(int count, int seed, bool[]? isNull = null)
    {
        var random = new Random(seed);
        return new RowBatch(new FloatMatrix(Points(random, count, KeyDimension)), new FloatMatrix(Points(random, count, ValueDimension)), isNull);
    }

    public static Matrix<double> Queries(int count, int seed = 99)
    {
        var points = Points(new Random(seed), count, KeyDimension);
        return new Matrix<double>(count, KeyDimension, Array.ConvertAll(points.Data, x => (double)x));
    }

    /// <summary>Rows of several batches as one row set, in their order.</summary>
    public static RowSet Join(params RowBatch[] batches) => RowSet.Create(
        new Matrix<float>(batches.Sum(b => b.Keys.Rows), KeyDimension, [.. batches.SelectMany(b => b.Keys.Single!.Data)]),
        new Matrix<float>(batches.Sum(b => b.Keys.Rows), ValueDimension, [.. batches.SelectMany(b => b.Values.Single!.Data)]),
        batches.All(b => b.IsNull is null) ? null : [.. batches.SelectMany(b => b.IsNull ?? new bool[b.Keys.Rows])]);

    /// <summary>Some rows of a batch as a batch of its own.</summary>
    public static RowBatch Window(RowBatch batch, int start, int count) => new(
        new FloatMatrix(new Matrix<float>(count, batch.Keys.Columns, batch.Keys.Single!.Data[(start * batch.Keys.Columns)..((start + count) * batch.Keys.Columns)])),
        new FloatMatrix(new Matrix<float>(count, batch.Values.Columns, batch.Values.Single!.Data[(start * batch.Values.Columns)..((start + count) * batch.Values.Columns)])),
        batch.IsNull?[start..(start + count)]);

    private static Matrix<float> Points(Random random, int count, int dimension)
    {
        var matrix = new Matrix<float>(count, dimension);
        for (var i = 0; i < count; i++)
        {
            var row = matrix.Row(i);
            var squares = 0.0;
            for (var j = 0; j < dimension; j++)
            {
                row[j] = (float)(2 * random.NextDouble() - 1);
                squares += row[j] * row[j];
            }
            var scale = (float)(0.99 * random.NextDouble() / Math.Sqrt(squares));
            for (var j = 0; j < dimension; j++)
                row[j] *= scale;
        }
        return matrix;
    }
}
