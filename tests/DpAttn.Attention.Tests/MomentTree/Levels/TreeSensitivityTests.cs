namespace DpAttn.Attention.Tests;

/// <summary>
/// All nodes of a tree together never differ by more than sqrt(levels) Delta between neighbours, and do differ by nearly as much: measured on the exact sums of whole
/// trees, of neighbours that a search found.
/// </summary>
public class TreeSensitivityTests
{
    public static TheoryData<string> Shapes => [.. Schemas.Keys];

    private static readonly Dictionary<string, (StoreSchema Schema, int Degree, int BlockRows)> Schemas = new()
    {
        ["one block"] = (TestRows.BallSchema(3, 2, 30), 2, 32),
        ["three levels"] = (TestRows.BallSchema(3, 2, 30), 2, 8),
        ["three levels, add-remove"] = (TestRows.BallSchema(3, 2, 30, adjacency: Adjacency.AddRemove), 2, 8),
        ["a leaf per row"] = (TestRows.BallSchema(2, 1, 40, 0.7), 3, 1),
        ["a leaf per row, add-remove"] = (TestRows.BallSchema(2, 1, 40, 0.7, Adjacency.AddRemove), 3, 1),
        ["queries off centre"] = (new StoreSchema(Region.Ball(4, 1), Region.Ball([0.5, -1, 0, 0.2], 0.7), ValueBound.Ball(3, 2), 0.9, Adjacency.ReplaceOne, 100), 2, 4),
        ["box"] = (TestRows.BoxSchema(4, 3, 50, 0.25), 2, 2),
        ["box, add-remove, a tall tree that is nearly empty"] = (TestRows.BoxSchema(4, 3, 1L << 20, 0.25, Adjacency.AddRemove), 2, 1),
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void No_neighbours_exceed_the_declared_sensitivity_of_a_tree_and_some_come_near_it(string shape)
    {
        var (schema, degree, blockRows) = Schemas[shape];
        var tree = MomentTreeParameters.Create(MomentParameters.Create(schema, degree), blockRows);
        var largest = Largest(tree, shape.Length);
        TestContext.Current.TestOutputHelper!.WriteLine($"farthest neighbours over the declared sensitivity: {largest / (double)tree.Sensitivity.Integer:F4}");
        Assert.InRange(largest / (double)tree.Sensitivity.Integer, 0.7, 1);
        // The sensitivity of one node, without sqrt(levels), is exceeded wherever there is more than one level.
        Assert.Equal(tree.Tree.Levels > 1, largest > (double)tree.Moments.Sensitivity.Integer);
    }

    [Fact]
    public void The_sensitivity_is_the_root_of_the_levels_times_that_of_one_node_rounded_up()
    {
        foreach (var levels in new[] { 1, 2, 9, 16, 41 })
        {
            var moments = MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 2);
            var sensitivity = MomentTreeSensitivity.For(moments.Sensitivity, levels);
            var square = moments.Sensitivity.Integer * moments.Sensitivity.Integer * levels;
            Assert.True(sensitivity.Integer * sensitivity.Integer >= square);
            Assert.True((sensitivity.Integer - 1) * (sensitivity.Integer - 1) < square);
            Assert.Equal(moments.Sensitivity.Real.Value * Math.Sqrt(levels), sensitivity.Real.Value, 1e-9);
        }
        var one = MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 2).Sensitivity;
        Assert.Equal(one.Integer, MomentTreeSensitivity.For(one, levels: 1).Integer);
    }

    /// <summary>The largest distance of two whole trees that differ in one slot, over the worst pair of rows and random ones, at the first, last and random slots.</summary>
    private static double Largest(MomentTreeParameters tree, int seed)
    {
        var schema = tree.Moments.Schema;
        var search = new SensitivitySearch(tree.Moments, seed);
        _ = search.Search(pairs: 3000, climbs: 4, steps: 300);
        var random = new Random(seed);
        var count = (int)Math.Min(schema.Capacity, 100);
        var (keys, values) = TestRows.Make(schema, count, seed);
        var largest = 0.0;
        for (var round = 0; round < 30; round++)
        {
            var slot = round == 0 ? 0 : round == 1 ? count - 1 : random.Next(count);
            var pair = round < 6 ? search.Farthest : (TestRows.PointIn(schema.Keys, random), values.Row(slot).ToArray(), TestRows.PointIn(schema.Keys, random), values.Row(random.Next(count)).ToArray());
            var isNull = schema.Adjacency == Adjacency.AddRemove ? new bool[count] : null;
            var left = Sums(tree, With(keys, values, slot, pair.Item1, pair.Item2, isNull));
            if (isNull is not null)
                isNull[slot] = true;
            var right = Sums(tree, With(keys, values, slot, pair.Item3, pair.Item4, isNull));
            Assert.Equal(left.Keys.Order(), right.Keys.Order());
            Int128 squares = 0;
            foreach (var (node, sums) in left)
            {
                for (var i = 0; i < sums.Length; i++)
                    squares += (Int128)(sums[i] - right[node][i]) * (sums[i] - right[node][i]);
            }
            largest = Math.Max(largest, Math.Sqrt((double)squares));
        }
        return largest;
    }

    private static RowSet With(Matrix<double> keys, Matrix<double> values, int slot, double[] key, double[] value, bool[]? isNull)
    {
        var (k, v) = (new Matrix<double>(keys.Rows, keys.Columns, [.. keys.Data]), new Matrix<double>(values.Rows, values.Columns, [.. values.Data]));
        key.CopyTo(k.Row(slot));
        value.CopyTo(v.Row(slot));
        return RowSet.Create(k, v, (bool[]?)isNull?.Clone());
    }

    private static Dictionary<long, long[]> Sums(MomentTreeParameters tree, RowSet rows) =>
        MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, rows), clip: true).ToDictionary(node => node.Node, node => node.Sums.Sums);
}
