namespace DpAttn.Attention.Tests;

/// <summary>How far a noise-free answer is from exact attention: within the kernel's bound and the lattice's, and as far as the former says.</summary>
public class KernelErrorTests
{
    [Theory]
    [InlineData(1, 2, KernelMethod.Minimax)]
    [InlineData(2, 2, KernelMethod.Minimax)]
    [InlineData(0.25, 1, KernelMethod.Minimax)]
    [InlineData(2, 4, KernelMethod.Minimax)]
    [InlineData(1, 2, KernelMethod.Taylor)]
    public void Adversarial_rows_approach_the_bound_and_do_not_exceed_it(double scale, int degree, KernelMethod method)
    {
        const int Rows = 4000;
        var schema = TestRows.BallSchema(1, 1, Rows, scale);
        var parameters = MomentParameters.Create(schema, degree, method);
        // The exponents of the largest relative error, of either sign.
        double over = 0, under = 0, most = double.NegativeInfinity, least = double.PositiveInfinity;
        for (var i = 0; i <= 20_000; i++)
        {
            var t = scale * (2.0 * i / 20_000 - 1);
            var error = parameters.Kernel.Evaluate(t) * Math.Exp(-t) - 1;
            if (error > most)
                (over, most) = (t, error);
            if (error < least)
                (under, least) = (t, error);
        }
        var worst = 0.0;
        for (var share = 1; share < 100; share++)
        {
            // Rows in two camps; `share` percent of the weight on values +1, where the polynomial is too large.
            var rows = Enumerable.Range(0, Rows).Select(i => i * (share / 100.0 * Math.Exp(-over) + (1 - share / 100.0) * Math.Exp(-under))
                < Rows * share / 100.0 * Math.Exp(-over)).ToArray();
            var keys = new Matrix<double>(Rows, 1, [.. rows.Select(up => (up ? over : under) / scale)]);
            var values = new Matrix<double>(Rows, 1, [.. rows.Select(up => up ? 1.0 : -1.0)]);
            worst = Math.Max(worst, Error(parameters, keys, values, [1], out var bound));
            Assert.True(worst <= bound + parameters.RoundingErrorBound);
        }
        if (method == KernelMethod.Minimax)
            Assert.True(worst >= 0.97 * parameters.Kernel.AnswerErrorPerUnit, $"{worst} of {parameters.Kernel.AnswerErrorPerUnit}");
        else
            Assert.True(worst >= 0.3 * parameters.Kernel.AnswerErrorPerUnit, $"{worst} of {parameters.Kernel.AnswerErrorPerUnit}");
    }

    [Fact]
    public void No_rows_and_queries_of_any_schema_exceed_the_bounds()
    {
        var random = new Random(9);
        for (var round = 0; round < 400; round++)
        {
            int d = random.Next(1, 6), dv = random.Next(1, 5), rows = random.Next(1, 60);
            var centre = Enumerable.Range(0, d).Select(_ => random.NextDouble() - 0.5).ToArray();
            var keyRegion = random.Next(2) == 0 ? Region.Ball(centre, 0.5 + random.NextDouble()) : Region.Box(d, -random.NextDouble() - 0.01, 1);
            var queryRegion = random.Next(2) == 0 ? Region.Ball(centre, 0.2 + random.NextDouble()) : Region.Box(d, 0, 0.1 + random.NextDouble());
            var schema = new StoreSchema(keyRegion, queryRegion, ValueBound.Ball(dv, 2), (0.05 + random.NextDouble()) / d, (Adjacency)random.Next(2), rows);
            var parameters = MomentParameters.Create(schema, random.Next(2, 5));
            var (keys, values) = TestRows.Make(schema, rows, round);
            for (var q = 0; q < 5; q++)
            {
                var query = TestRows.PointIn(queryRegion, random);
                var error = Error(parameters, keys, values, query, out var bound);
                Assert.True(error <= bound + parameters.RoundingErrorBound, $"round {round}: {error}; {bound} + {parameters.RoundingErrorBound}");
            }
        }
    }

    /// <summary>Where the polynomial is exact to a millionth, the lattice is what is left: rows all alike, half a step off in every column.</summary>
    [Fact]
    public void Rows_that_all_round_the_same_way_approach_the_lattices_bound_and_do_not_exceed_it()
    {
        const int Rows = 100;
        foreach (var dv in new[] { 1, 4, 25 })
        {
            var schema = TestRows.BallSchema(2, dv, Rows, 0.05);
            var parameters = MomentParameters.Create(schema, 4);
            Assert.True(parameters.Kernel.AnswerErrorPerUnit < 1e-9);
            var keys = new Matrix<double>(Rows, 2);
            var values = new Matrix<double>(Rows, dv);
            values.Data.AsSpan().Fill(Math.ScaleB(4001.499999, -parameters.ValueExponent));
            var error = Error(parameters, keys, values, [0.6, -0.8], out var bound);
            Assert.InRange(error, 0.6 * parameters.RoundingErrorBound, parameters.RoundingErrorBound + bound);
        }
    }

    [Fact]
    public void The_lattices_bound_is_small_where_stores_are_usual_and_the_trivial_one_where_weights_vanish()
    {
        Assert.InRange(MomentParameters.Create(TestRows.BallSchema(64, 16, 50_000), 2).RoundingErrorBound, 1e-5, 5e-4);
        var far = new StoreSchema(Region.Ball(1, 1), Region.Ball([40], 1), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10);
        Assert.Equal(2 * far.Values.BoundingRadius, MomentParameters.Create(far, 2).RoundingErrorBound);
    }

    private static double Error(MomentParameters parameters, Matrix<double> keys, Matrix<double> values, double[] query, out double bound)
    {
        var answer = MomentAnswerer.ForEvaluation(MomentAccumulator.Sum(parameters, RowSet.Create(keys, values))).Answer(query, clip: true);
        var exact = new double[values.Columns];
        new ExactAttention<double>(keys, values, parameters.Schema.Scale).Attend(query, exact);
        bound = answer.KernelErrorBound;
        return Math.Sqrt(exact.Zip(answer.Output, (x, y) => (x - y) * (x - y)).Sum());
    }
}
