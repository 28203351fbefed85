namespace DpAttn.Attention.Tests;

public class DpTreeSoftmaxTests
{
    private const int Rows = 300;

    public static TheoryData<double, Adjacency> Variants
    {
        get
        {
            var variants = new TheoryData<double, Adjacency>();
            foreach (var alpha in new[] { 0, 0.05, 0.5 })
            {
                variants.Add(alpha, Adjacency.ReplaceOne);
                variants.Add(alpha, Adjacency.AddRemove);
            }
            return variants;
        }
    }

    /// <summary>Row by row: the kernel that a query gives each row lies within the three terms of the exponential.</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_rows_kernel_is_within_the_bound_of_the_exponential(double alpha, Adjacency adjacency)
    {
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(3, 2, Rows, 1.0 / 3, adjacency), 3, alpha, 256);
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var (key, query) = (TestRows.PointIn(parameters.Schema.Keys, random), TestRows.PointIn(parameters.Schema.Queries, random));
            var plan = DistanceTreeQueryPlan.For(parameters, query);
            var (normaliser, sums) = DpTreeSoftmax.ForEvaluation(DistanceTreeSums.Sum(parameters, TestRows.OneRow([.. key], [0.5, -0.25]))).Query(plan);
            var ratio = normaliser / Math.Exp(parameters.Schema.Scale * key.Zip(query, (x, y) => x * y).Sum());
            Assert.InRange(ratio, 1 - plan.ErrorBound.Below - plan.ErrorBound.Alpha - plan.ErrorBound.Grid, 1 + plan.ErrorBound.Above + plan.ErrorBound.Alpha + plan.ErrorBound.Grid);
            Assert.True(normaliser >= plan.LowestKernel);
            // Both values are whole steps: the columns are the normaliser times the value.
            Assert.Equal(0.5 * normaliser, sums[0], 1e-9);
            Assert.Equal(-0.25 * normaliser, sums[1], 1e-9);
        }
    }

    /// <summary>The identity from the paper's own structures, distances and scalar sums apart, gives what the plan gives from its parts; so the exact variant's squares do cancel.</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void The_plan_is_the_identity_over_distances_and_scalar_sums(double alpha, Adjacency adjacency)
    {
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(2, 2, Rows, 0.5, adjacency), 3, alpha, 64);
        var (keys, values) = TestRows.Make(parameters.Schema, Rows, 6);
        var features = new Matrix<double>(Rows, parameters.Features - 1);
        var weights = new long[Rows * parameters.Columns];
        var buffer = new double[parameters.Features];
        double[] squares = new double[parameters.Columns], counts = new double[parameters.Columns];
        for (var i = 0; i < Rows; i++)
        {
            parameters.Taylor.Expand(keys.Row(i), buffer);
            var square = 0.0;
            for (var a = 1; a < buffer.Length; a++)
            {
                features[i, a - 1] = buffer[a];
                square += Math.Pow(parameters.Grids[a].PointOf(parameters.Grids[a].CellOf(buffer[a])), 2);
            }
            for (var c = 0; c < parameters.Columns; c++)
            {
                var w = c == 0 ? parameters.GammaSteps : (long)Math.Round(Math.ScaleB(values[i, c - 1], parameters.ValueExponent));
                weights[i * parameters.Columns + c] = w;
                (squares[c], counts[c]) = (squares[c] + w * square, counts[c] + w);
            }
        }
        var distances = DpTreeHighDim.Over(parameters.Grids[1..], 2, alpha, features, weights, parameters.Columns);
        var softmax = DpTreeSoftmax.ForEvaluation(DistanceTreeSums.Sum(parameters, RowSet.Create(keys, values)));
        var random = new Random(2);
        for (var round = 0; round < 30; round++)
        {
            var query = TestRows.PointIn(parameters.Schema.Queries, random);
            parameters.Taylor.Expand(query, buffer);
            double[] rounded = [.. Enumerable.Range(1, parameters.Features - 1).Select(a => parameters.Grids[a].StepOf(buffer[a]) * parameters.Grids[a].Spacing)];
            var distance = distances.Query(rounded);
            var querySquare = rounded.Sum(x => x * x);
            double[] expected = [.. Enumerable.Range(0, parameters.Columns).Select(c => counts[c] + (squares[c] + querySquare * counts[c] - distance[c]) / 2)];
            var (normaliser, sums) = softmax.Query(query);
            // |P|^2, and in the exact variant each feature, is rounded to its lattice row by row.
            var tolerance = Rows * (1e-9 + (alpha == 0 ? rounded.Sum() * parameters.FeatureRounding : 0.25 / parameters.Scales.SquareSteps));
            Assert.Equal(expected[0] / parameters.GammaSteps, normaliser, tolerance);
            for (var j = 0; j < sums.Length; j++)
                Assert.Equal(Math.ScaleB(expected[j + 1], -parameters.ValueExponent), sums[j], tolerance);
        }
    }

    [Fact]
    public void The_exact_variant_publishes_a_number_per_feature_and_column()
    {
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(8, 4, Rows, 0.125), 2, 0, 1024);
        Assert.Equal(45, parameters.PartCount);
        Assert.Equal(45 * 5, parameters.Dimension);
        // P2 = 1 + 1 + 1/2: the sensitivity of the moment matrix of Taylor's polynomial, and the noise of an answer at the corner.
        Assert.Equal(2.5, (double)parameters.Sensitivity.SquaredNorm / parameters.Scales.Unit / parameters.Scales.Unit, 1e-3);
        Assert.Equal(2.5, Math.Pow(DistanceTreeQueryPlan.For(parameters, Enumerable.Repeat(1.0, 8).ToArray()).Norm * parameters.Scales.Unit, 2), 5e-3);
    }

    [Fact]
    public void The_adaptive_structure_answers_the_median_of_its_copies()
    {
        var parameters = DistanceTreeParameters.Create(TestRows.BoxSchema(2, 2, Rows, 0.5), 2, 0.5, 16, copies: 5);
        var sums = DistanceTreeSums.Sum(parameters, TestRows.Rows(parameters.Schema, Rows, 3));
        var tier = DistanceTreeRelease.Publish(sums, DistanceReleases.Ladder(parameters, 1), new byte[32]).Tiers[0];
        double[] query = [0.3, 0.9];
        var copies = Enumerable.Range(0, 5).Select(copy => new DpTreeSoftmax(tier, copy).Query(query)).ToArray();
        var (normaliser, medians) = new DpTreeSoftmaxAdaptive(tier).Query(query);
        Assert.Equal(copies.Select(c => c.Normaliser).Order().ElementAt(2), normaliser);
        for (var j = 0; j < 2; j++)
            Assert.Equal(copies.Select(c => c.Sums[j]).Order().ElementAt(2), medians[j]);
        Assert.Equal(5, copies.Select(c => c.Normaliser).Distinct().Count());
        Assert.Throws<ArgumentOutOfRangeException>(() => new DpTreeSoftmax(tier, 5));
        // Without noise they all agree.
        Assert.Equal(DpTreeSoftmax.ForEvaluation(sums).Query(query).Normaliser, DpTreeSoftmaxAdaptive.ForEvaluation(sums).Query(query).Normaliser);
    }

    [Fact]
    public void The_deviation_of_a_median_is_that_of_simulated_medians()
    {
        Assert.Equal(1, MedianOfNormals.Deviation(1));
        // Var of the median of three: 1 - sqrt(3)/pi.
        Assert.Equal(Math.Sqrt(1 - Math.Sqrt(3) / Math.PI), MedianOfNormals.Deviation(3), 1e-9);
        Assert.Equal(0.40751, MedianOfNormals.Deviation(9), 1e-4);
        Assert.Equal(1, MedianOfNormals.Deviation(99) / Math.Sqrt(Math.PI / 2 / 99), 0.01);
        var random = new Random(4);
        const int Draws = 40_000;
        var squares = 0.0;
        var sample = new double[9];
        for (var i = 0; i < Draws; i++)
        {
            for (var k = 0; k < 9; k++)
                sample[k] = TestRows.Gaussian(random);
            Array.Sort(sample);
            squares += sample[4] * sample[4];
        }
        // A deviation of 0.35 %; six of them are 2.1 %.
        Assert.InRange(Math.Sqrt(squares / Draws) / MedianOfNormals.Deviation(9), 0.979, 1.021);
    }
}
