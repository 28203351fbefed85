using System.Numerics;

namespace DpAttn.Attention.Tests;

public class PerQuerySensitivityTests
{
    /// <summary>Shapes for the search: 16 of them, 7,000 pairs and five climbs each.</summary>
    public static TheoryData<string> Shapes => [.. Requests.Keys];

    private static readonly StoreSchema OffCentre = new(Region.Ball([3, 1, -2], 0.5), Region.Ball([0.5, -1, 0], 0.7), ValueBound.Ball(3, 2), 2, Adjacency.ReplaceOne, 100);
    private static readonly StoreSchema OffCentreAddRemove = new(Region.Ball([3, 1, -2], 0.5), Region.Ball([0.5, -1, 0], 0.7), ValueBound.Ball(3, 2), 2, Adjacency.AddRemove, 100);

    /// <summary>A schema and its request; the share of the declared sensitivity that some neighbours reach.</summary>
    private static readonly Dictionary<string, (StoreSchema Schema, Matrix<double> Queries, double Reached)> Requests = new()
    {
        ["ball 1d"] = (TestRows.BallSchema(1, 1, 100, 0.5), PerQueryRequests.OneQuery(-0.8), 0.99),
        ["ball 3d, sharp"] = (TestRows.BallSchema(3, 2, 100, 30), PerQueryRequests.OneQuery(0.6, 0, -0.8), 0.99),
        ["ball 3d, sharp, add-remove"] = (TestRows.BallSchema(3, 2, 100, 30, Adjacency.AddRemove), PerQueryRequests.OneQuery(0.6, 0, -0.8), 0.99),
        ["ball 6d, add-remove, 40 columns"] = (TestRows.BallSchema(6, 40, 100, 2, Adjacency.AddRemove), PerQueryRequests.OneQuery(1, 0, 0, 0, 0, 0), 0.99),
        ["off centre"] = (OffCentre, PerQueryRequests.OneQuery(0.9, -1.3, 0.1), 0.99),
        ["off centre, add-remove"] = (OffCentreAddRemove, PerQueryRequests.OneQuery(0.9, -1.3, 0.1), 0.99),
        ["box 4d"] = (TestRows.BoxSchema(4, 3, 100, 3), PerQueryRequests.OneQuery(1, 0, 0.5, 0.2), 0.99),
        ["box 4d, add-remove"] = (TestRows.BoxSchema(4, 3, 100, 3, Adjacency.AddRemove), PerQueryRequests.OneQuery(1, 0, 0.5, 0.2), 0.99),
        ["box of values"] = (new StoreSchema(Region.Box(3, -1, 1), Region.Ball(3, 1), ValueBound.Box(4, 0.5), 0.5, Adjacency.ReplaceOne, 100), PerQueryRequests.OneQuery(0.1, 0.9, 0), 0.99),
        ["batch, box, one corner sees all"] = (TestRows.BoxSchema(3, 2, 100, 2), new Matrix<double>(4, 3, [1, 1, 1, 0.5, 1, 0.2, 0.1, 0.1, 1, 1, 0.3, 0.3]), 0.99),
        ["batch, box, add-remove"] = (TestRows.BoxSchema(3, 2, 100, 2, Adjacency.AddRemove), new Matrix<double>(4, 3, [1, 1, 1, 0.5, 1, 0.2, 0.1, 0.1, 1, 1, 0.3, 0.3]), 0.99),
        ["batch, ball, one direction"] = (TestRows.BallSchema(3, 2, 100, 5), new Matrix<double>(3, 3, [0.6, 0, 0.8, 0.3, 0, 0.4, 0.06, 0, 0.08]), 0.99),
        ["batch, ball, opposite"] = (TestRows.BallSchema(3, 2, 100, 4), new Matrix<double>(2, 3, [0.6, 0, 0.8, -0.6, 0, -0.8]), 0.95),
        ["batch, ball, two at 50 degrees"] = (TestRows.BallSchema(2, 3, 100, 3), new Matrix<double>(2, 2, [1, 0, Math.Cos(0.87), Math.Sin(0.87)]), 0.85),
        ["batch, ball, add-remove"] = (TestRows.BallSchema(2, 3, 100, 1, Adjacency.AddRemove), new Matrix<double>(3, 2, [1, 0, Math.Cos(0.87), Math.Sin(0.87), 0, 0]), 0.9),
        ["batch, ball, ten of all directions"] = (TestRows.BallSchema(4, 2, 100, 2), PerQueryRequests.Queries(TestRows.BallSchema(4, 2, 100), 10), 0.7),
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void No_neighbours_exceed_the_declared_sensitivity_and_some_come_near_it(string shape)
    {
        var (schema, queries, reached) = Requests[shape];
        var plan = PerQueryRequests.Plan(schema, queries);
        var found = PerQuerySensitivitySearch.Of(plan, seed: shape.Length).Search(pairs: 7000, climbs: 5, steps: 400);
        TestContext.Current.TestOutputHelper!.WriteLine($"{shape}: {found / (double)plan.Sensitivity:F4} of {(double)plan.Sensitivity / (double)plan.Parameters.QuerySensitivity:F3} queries' sensitivity");
        Assert.InRange(found / (double)plan.Sensitivity, reached, 1);
    }

    [Fact]
    public void One_query_has_the_sensitivities_of_the_specification()
    {
        foreach (var dv in new[] { 1, 16, 64, 1000 })
        {
            var replace = PerQueryParameters.Create(TestRows.BallSchema(4, dv, 100, 8));
            var addRemove = PerQueryParameters.Create(TestRows.BallSchema(4, dv, 100, 8, Adjacency.AddRemove));
            var value = Math.ScaleB(replace.Schema.Values.BoundingRadius, replace.ValueExponent) + Math.Sqrt(dv) / 2;
            var weight = BigInteger.One << replace.KernelExponent;
            Assert.Equal(2 * weight * (BigInteger)Math.Ceiling(value), replace.QuerySensitivity);
            Assert.Equal((long)Math.Ceiling(value), replace.GammaSteps);
            Assert.Equal((long)Math.Ceiling(Math.ScaleB(addRemove.Gamma, addRemove.ValueExponent)), addRemove.GammaSteps);
            Assert.Equal(Math.Sqrt((double)addRemove.GammaSteps * addRemove.GammaSteps + value * value), (double)addRemove.QuerySensitivity / (double)weight, 1e-4);
            Assert.True(addRemove.QuerySensitivity < replace.QuerySensitivity);
            // In units of values, up to what rounding adds: 2 B_v, and sqrt(gamma^2 + B_v^2).
            var unit = Math.ScaleB(1, -replace.KernelExponent - replace.ValueExponent);
            Assert.Equal(2, (double)replace.QuerySensitivity * unit, 2 * (Math.Sqrt(dv) + 1) / (1 << 15));
            Assert.Equal(Math.Sqrt(1 + 1 / Math.Sqrt(dv)), (double)addRemove.QuerySensitivity * unit, 2 * (Math.Sqrt(dv) + 1) / (1 << 15));
        }
    }

    [Fact]
    public void A_batch_has_at_most_the_root_of_its_queries_and_less_where_directions_differ()
    {
        foreach (var adjacency in new[] { Adjacency.ReplaceOne, Adjacency.AddRemove })
        {
            var box = PerQueryRequests.Plan(TestRows.BoxSchema(3, 2, 100, 2, adjacency), new Matrix<double>(2, 3, [1, 0, 0, 0, 0, 1]));
            Assert.Equal(Math.Sqrt(2), Ratio(box), 1e-9);
            var ball = PerQueryRequests.Plan(TestRows.BallSchema(3, 2, 100, 8, adjacency), new Matrix<double>(2, 3, [1, 0, 0, 0, 0, 1]));
            Assert.Equal(Math.Sqrt(1 + Math.Exp(-16 * (1 - Math.Cos(Math.PI / 4)))), Ratio(ball), 1e-5);
            // In nearly one direction the certified bound would exceed sqrt(m): the smaller counts.
            var near = PerQueryRequests.Plan(TestRows.BallSchema(3, 2, 100, 8, adjacency), new Matrix<double>(3, 3, [1, 0, 0, 1, 1e-12, 0, 0.5, 0, 0]));
            Assert.InRange(Ratio(near), 1.7, Math.Sqrt(3) * (1 + 1e-12));
        }
        // Beyond 2^28 multiplications nobody has paid for yet, sqrt(m) counts.
        const int M = 600;
        var wide = TestRows.BallSchema(800, 2, 100, 8);
        Assert.Equal(Math.Sqrt(M), Ratio(PerQueryRequests.Plan(wide, PerQueryRequests.Queries(wide, M))), 1e-9);
        static double Ratio(PerQueryPlan plan) => (double)plan.Sensitivity / (double)plan.Parameters.QuerySensitivity;
    }

    /// <summary>The bound itself, against its formula in plain doubles and against keys on the sphere.</summary>
    [Fact]
    public void The_certified_bound_is_its_formula_and_no_key_exceeds_it()
    {
        var random = new Random(4);
        for (var round = 0; round < 60; round++)
        {
            int d = 1 + round % 5, m = 2 + round % 7;
            var scale = Math.Exp(random.NextDouble() * 6 - 2);
            var schema = new StoreSchema(Region.Ball(d, 1.3), Region.Ball(d, 0.9), ValueBound.Ball(1, 1), scale, Adjacency.ReplaceOne, 10);
            var parameters = PerQueryParameters.Create(schema);
            var queries = PerQueryRequests.Queries(schema, m, round);
            if (round % 3 == 0)
                queries.Row(0).Clear();
            var bound = PerQueryCertificate.Square(PerQueryExponents.For(parameters, queries))!.Value;
            Assert.Equal(Formula(queries, scale * 1.3), bound, 1e-4 * bound);
            var largest = 0.0;
            for (var i = 0; i < 3000; i++)
            {
                var k = TestRows.PointIn(schema.Keys, random);
                largest = Math.Max(largest, Enumerable.Range(0, m).Sum(l => Math.Exp(2 * scale * (Dot(queries.Row(l), k) - 1.3 * Math.Sqrt(Dot(queries.Row(l), queries.Row(l)))))));
            }
            Assert.True(largest <= bound, $"{largest} exceeds {bound}");
        }
        static double Formula(Matrix<double> q, double reach) => Enumerable.Range(0, q.Rows).Where(l => Norm(q, l) > 0).Max(l => 1 + Enumerable.Range(0, q.Rows).Where(j => j != l).Sum(j =>
            Norm(q, j) == 0 ? 1 : Math.Exp(-2 * reach * Norm(q, j) * (1 - Math.Cos(Math.Acos(Math.Clamp(Dot(q.Row(l), q.Row(j)) / Norm(q, l) / Norm(q, j), -1, 1)) / 2)))));
        static double Norm(Matrix<double> q, int l) => Math.Sqrt(Dot(q.Row(l), q.Row(l)));
    }

    /// <summary>Half the angle: a key between two queries is near to both. With the whole angle the bound would be broken.</summary>
    [Fact]
    public void A_key_between_two_queries_breaks_the_bound_of_the_whole_angle_and_not_that_of_half()
    {
        double[] a = [1, 0], b = [0.5, Math.Sqrt(0.75)];
        var plan = PerQueryRequests.Plan(TestRows.BallSchema(2, 1, 100, 0.5, Adjacency.AddRemove), new Matrix<double>(2, 2, [.. a, .. b]));
        var found = PerQuerySensitivitySearch.Of(plan, 1).Distance([Math.Sqrt(0.75), 0.5], [1], [], []);
        var whole = Math.Sqrt(1 + Math.Exp(-2 * 0.5 * (1 - 0.5))) * (double)plan.Parameters.QuerySensitivity;
        Assert.True(found > whole * 1.01, $"{found} should exceed {whole}");
        Assert.True(found <= (double)plan.Sensitivity);
    }

    /// <summary>
    /// On a lattice of 32 steps the rounding of weights shows. Between two queries both kernels fall short of 1 by 0.45 steps, and both weights are rounded to 1: without its sqrt(m)/2 the certified
    /// bound would be broken. Two more queries on the other side make it smaller than sqrt(m), so that it is what counts.
    /// </summary>
    [Theory]
    [InlineData(Adjacency.ReplaceOne)]
    [InlineData(Adjacency.AddRemove)]
    public void A_coarse_lattice_stays_within_the_certified_bound_and_needs_the_rounding_of_its_weights(Adjacency adjacency)
    {
        const int KernelExponent = 5;
        const double Reach = 12;
        var parameters = PerQueryParameters.CreateUnchecked(TestRows.BallSchema(2, 2, 100, Reach, adjacency), KernelExponent);
        var angle = Math.Acos(1 + Math.Log(1 - Math.ScaleB(0.45, -KernelExponent)) / Reach);
        var plan = CoarsePlan(parameters, new Matrix<double>(4, 2, [.. new[] { angle, -angle, Math.PI - 0.6, Math.PI + 0.6 }.SelectMany(a => new[] { Math.Cos(a), Math.Sin(a) })]));
        var found = PerQuerySensitivitySearch.Of(plan, KernelExponent).Search(pairs: 1500, climbs: 4, steps: 200);
        Assert.InRange(found / (double)plan.Sensitivity, 0.85, 1);
        Assert.True(plan.Sensitivity < PerQuerySensitivity.OfPlain(parameters, 4));
        var withoutRounding = Math.Ceiling(Math.ScaleB(Math.Sqrt(PerQueryCertificate.Square(plan.Exponents)!.Value), KernelExponent)) * Math.ScaleB((double)parameters.QuerySensitivity, -KernelExponent);
        Assert.True(found > withoutRounding, $"{found} should exceed {withoutRounding}");
    }

    /// <summary>40 batches of 2 to 9 queries in random directions, on lattices of 4 to 16 steps.</summary>
    [Fact]
    public void No_neighbours_exceed_the_declared_sensitivity_on_coarse_lattices()
    {
        var random = new Random(6);
        for (var round = 0; round < 40; round++)
        {
            var schema = TestRows.BallSchema(1 + round % 4, 2, 100, Math.Exp(random.NextDouble() * 4 - 1), round % 2 == 0 ? Adjacency.ReplaceOne : Adjacency.AddRemove);
            var plan = CoarsePlan(PerQueryParameters.CreateUnchecked(schema, 2 + round % 3), PerQueryRequests.Queries(schema, 2 + round % 8, round));
            var found = PerQuerySensitivitySearch.Of(plan, round).Search(pairs: 200, climbs: 2, steps: 100);
            Assert.InRange(found / (double)plan.Sensitivity, 0.5, 1);
        }
    }

    [Fact]
    public void Rounded_values_exceed_the_real_sensitivity_and_not_the_one_with_slack()
    {
        // Nearly all of 5,000 columns are rounded up by almost half a step.
        const int Dv = 5000;
        var schema = TestRows.BallSchema(1, Dv, 100);
        var plan = PerQueryRequests.Plan(schema, PerQueryRequests.OneQuery(1));
        var step = Math.ScaleB(1, -plan.Parameters.ValueExponent);
        double[] value = [Math.Sqrt(1 - Dv * step * step * 0.26), .. Enumerable.Repeat(step * 0.5001, Dv - 1)];
        var found = PerQuerySensitivitySearch.Of(plan, 1).Distance([1], value, [1], [.. value.Select(x => -x)]);
        var real = 2 * Math.ScaleB(schema.Values.Stated, plan.Parameters.KernelExponent + plan.Parameters.ValueExponent) * (1 - 2e-6);
        Assert.True(found > real, $"{found} should exceed {real}");
        Assert.True(found <= (double)plan.Sensitivity);
    }

    // A small epsilon: noise on so coarse a lattice is too narrow otherwise.
    private static PerQueryPlan CoarsePlan(PerQueryParameters parameters, Matrix<double> queries) => PerQueryPlan.Create(parameters, queries, clip: true, new(0.001), TestRows.Delta);

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var j = 0; j < a.Length; j++)
            sum += a[j] * b[j];
        return sum;
    }
}
