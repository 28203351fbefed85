namespace DpAttn.Attention.Tests;

public class SensitivityTests
{
    /// <summary>Shapes for the search: 14 of them, 8,000 random pairs each.</summary>
    public static TheoryData<string> Shapes => [.. Schemas.Keys];

    private static readonly Dictionary<string, (StoreSchema Schema, int Degree, KernelMethod Method)> Schemas = new()
    {
        ["ball 1d"] = (TestRows.BallSchema(1, 1, 100, 0.5), 1, KernelMethod.Minimax),
        ["ball 3d"] = (TestRows.BallSchema(3, 2, 100, 1), 2, KernelMethod.Minimax),
        ["ball 3d, add-remove"] = (TestRows.BallSchema(3, 2, 100, 1, Adjacency.AddRemove), 2, KernelMethod.Minimax),
        ["ball 6d, degree 4"] = (TestRows.BallSchema(6, 5, 100, 2), 4, KernelMethod.Minimax),
        ["ball 6d, degree 4, add-remove"] = (TestRows.BallSchema(6, 5, 100, 2, Adjacency.AddRemove), 4, KernelMethod.Minimax),
        ["ball 4d, taylor 3"] = (TestRows.BallSchema(4, 1, 100, 1.2), 3, KernelMethod.Taylor),
        ["wide ball"] = (TestRows.BallSchema(4, 3, 100, 0.1, radius: 3), 2, KernelMethod.Minimax),
        ["queries off centre"] = (new StoreSchema(Region.Ball(4, 1), Region.Ball([0.5, -1, 0, 0.2], 0.7), ValueBound.Ball(3, 2), 0.9, Adjacency.ReplaceOne, 100), 2, KernelMethod.Minimax),
        ["queries off centre, add-remove"] = (new StoreSchema(Region.Ball(4, 1), Region.Ball([0.5, -1, 0, 0.2], 0.7), ValueBound.Ball(3, 2), 0.9, Adjacency.AddRemove, 100), 2, KernelMethod.Minimax),
        ["keys off centre"] = (new StoreSchema(Region.Ball([3, 1, -2], 0.5), Region.Ball([0.1, 0.2, 0], 1), ValueBound.Ball(4, 0.1), 1.5, Adjacency.ReplaceOne, 100), 3, KernelMethod.Minimax),
        ["box 4d"] = (TestRows.BoxSchema(4, 3, 100, 0.25), 2, KernelMethod.Minimax),
        ["box 4d, add-remove"] = (TestRows.BoxSchema(4, 3, 100, 0.25, Adjacency.AddRemove), 2, KernelMethod.Minimax),
        ["box 8d at scale 1"] = (TestRows.BoxSchema(8, 1, 100, 0.5), 3, KernelMethod.Minimax),
        ["box of values"] = (new StoreSchema(Region.Box(3, -1, 1), Region.Ball(3, 1), ValueBound.Box(4, 0.5), 0.5, Adjacency.ReplaceOne, 100), 2, KernelMethod.Minimax),
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void No_neighbours_exceed_the_declared_sensitivity_and_some_come_near_it(string shape)
    {
        var (schema, degree, method) = Schemas[shape];
        var parameters = MomentParameters.Create(schema, degree, method);
        var found = new SensitivitySearch(parameters, seed: shape.Length).Search(pairs: 8000, climbs: 5, steps: 400);
        Assert.InRange(found / (double)parameters.Sensitivity.Integer, 0.7, 1);
    }

    [Theory]
    [InlineData(1, 1.5)]
    [InlineData(3, 2.2)]
    public void Odd_taylor_breaks_the_formula_without_its_negative_reach_and_not_the_one_with_it(int degree, double scale)
    {
        var schema = TestRows.BallSchema(2, 1, 100, scale);
        var parameters = MomentParameters.CreateUnchecked(schema, KernelPolynomial.Fit(KernelMethod.Taylor, schema.Interval, degree));
        // Opposite keys, the same value: the features' inner product is the polynomial's negative part.
        var found = new SensitivitySearch(parameters, 1).Distance([1, 0], [1], [-1, 0], [1]);
        var step = Math.ScaleB(1, parameters.FeatureExponent + parameters.ValueExponent);
        var withoutReach = 2 * schema.Values.BoundingRadius * Math.Sqrt(parameters.Kernel.MagnitudeSum) * step;
        Assert.True(found > withoutReach * 1.01, $"{found} should exceed {withoutReach}");
        Assert.True(found <= (double)parameters.Sensitivity.Integer);
    }

    [Fact]
    public void A_coarse_lattice_exceeds_the_real_sensitivity_and_not_the_one_with_slack()
    {
        var schema = TestRows.BallSchema(3, 2, 100, 1);
        var parameters = MomentParameters.CreateUnchecked(schema, KernelPolynomial.Fit(KernelMethod.Minimax, schema.Interval, 2), featureBits: 2, valueBits: 2);
        var found = new SensitivitySearch(parameters, 2).Search(pairs: 3000, climbs: 5, steps: 400);
        var real = Math.ScaleB(parameters.Sensitivity.Real.Value, parameters.FeatureExponent + parameters.ValueExponent);
        Assert.True(found > real * 1.01, $"{found} should exceed {real}");
        Assert.True(found <= (double)parameters.Sensitivity.Integer);
    }

    [Fact]
    public void Shifted_slots_are_no_neighbours_and_slots_that_stay_in_place_are()
    {
        const int Rows = 64;
        const int Block = 8;
        var schema = TestRows.BallSchema(3, 2, Rows, 1, Adjacency.AddRemove);
        var parameters = MomentParameters.Create(schema, 2);
        var (keys, values) = TestRows.Make(schema, Rows, 3);
        var full = RowSet.Create(keys, values);

        // The row of slot 0 becomes null and every other one stays: one block changes.
        var isNull = new bool[Rows];
        isNull[0] = true;
        var inPlace = BlockDistance(parameters, full, RowSet.Create(keys, values, isNull), Block);
        // The row of slot 0 is deleted and the rest moves up: every block changes.
        isNull[0] = false;
        isNull[^1] = true;
        var movedKeys = new Matrix<double>(Rows, 3, [.. keys.Data[3..], .. new double[3]]);
        var movedValues = new Matrix<double>(Rows, 2, [.. values.Data[2..], .. new double[2]]);
        var shifted = BlockDistance(parameters, full, RowSet.Create(movedKeys, movedValues, isNull), Block);

        Assert.InRange(inPlace, 1, (double)parameters.Sensitivity.Integer);
        Assert.True(shifted > (double)parameters.Sensitivity.Integer, "shifting was expected to break the bound");
    }

    [Fact]
    public void Add_remove_sensitivity_is_smaller_and_too_small_for_replace_one()
    {
        var replace = MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 2);
        var addRemove = MomentParameters.Create(TestRows.BallSchema(3, 2, 100, adjacency: Adjacency.AddRemove), 2);
        Assert.True(addRemove.Sensitivity.Integer < replace.Sensitivity.Integer);
    }

    [Fact]
    public void Real_sensitivities_are_those_of_the_specification()
    {
        foreach (var dv in new[] { 1, 16, 64 })
        {
            var replace = MomentParameters.Create(TestRows.BallSchema(4, dv, 100), 2);
            var addRemove = MomentParameters.Create(TestRows.BallSchema(4, dv, 100, adjacency: Adjacency.AddRemove), 2);
            var a = replace.Kernel.MagnitudeSum;
            Assert.Equal(2 * Math.Sqrt(a), replace.Sensitivity.Real.Value, 1e-5);
            Assert.Equal(Math.Sqrt(a * (1 / Math.Sqrt(dv) + 1)), addRemove.Sensitivity.Real.Value, 1e-5);
            // The slack of the product's lattice is small.
            var integer = Math.ScaleB((double)replace.Sensitivity.Integer, -replace.FeatureExponent - replace.ValueExponent);
            Assert.InRange(integer / replace.Sensitivity.Real.Value, 1, 1.001);
        }
    }

    [Fact]
    public void The_lattice_is_within_the_range_that_the_specification_allows()
    {
        foreach (var (radius, bound, scale) in new[] { (1.0, 1.0, 1.0), (1e-3, 1e6, 1.0), (1e3, 1e-6, 1e-6), (7.3, 0.3, 0.01) })
        {
            var schema = new StoreSchema(Region.Ball(3, radius), Region.Ball(3, radius), ValueBound.Ball(2, bound), scale, Adjacency.ReplaceOne, 1000);
            var parameters = MomentParameters.Create(schema, 2);
            var f = Math.Log2(parameters.FeatureNormSteps);
            var u = Math.Log2(Math.ScaleB(schema.Values.BoundingRadius, parameters.ValueExponent));
            Assert.InRange(f, 19, 20.001);
            Assert.InRange(u, 15, 16);
            Assert.InRange(f + u, 24, 36);
        }
    }

    private static double BlockDistance(MomentParameters parameters, RowSet left, RowSet right, int block)
    {
        var squares = 0.0;
        for (var start = 0; start < left.Count; start += block)
        {
            var a = MomentAccumulator.Sum(parameters, left.Slice(start, block)).Sums;
            var b = MomentAccumulator.Sum(parameters, right.Slice(start, block)).Sums;
            squares += a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum();
        }
        return Math.Sqrt(squares);
    }
}
