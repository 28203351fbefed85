using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>What a schema and a request are refused for, and what a request costs, before there is any row.</summary>
public class PerQueryPlanTests
{
    private static readonly PerQueryParameters Parameters = PerQueryParameters.Create(TestRows.BallSchema(3, 2, 1000, 8));

    [Theory]
    [InlineData(0.01, 1e-6)]
    [InlineData(1, 1e-6)]
    [InlineData(4, 1e-9)]
    [InlineData(100, 1e-6)]
    [InlineData(200, 1e-20)]
    public void A_request_costs_exactly_its_epsilon_however_many_queries_it_has(double epsilon, double delta)
    {
        var units = PrivacyAmount.FloorMuSquared(GaussianCurve.MuFor(new Epsilon(epsilon), PrivacyLimit.CurveDelta(new Delta(delta))));
        foreach (var m in new[] { 1, 2, 100, 1024 })
        {
            var plan = PerQueryPlan.Create(Parameters, Distinct(m), clip: false, new Epsilon(epsilon), new Delta(delta));
            Assert.Equal(units, plan.Cost.MuSquared);
            Assert.Equal(NoiseLadder.MuSquaredUnits(plan.Sensitivity, plan.Variance.ToBigInteger()), plan.Cost.MuSquared);
            Assert.Equal(NoiseLadder.SlackUnits(m * 3L, plan.Variance.ToBigInteger()), plan.Cost.Slack);
            Assert.True(plan.Variance.ToBigInteger() >= System.Numerics.BigInteger.One << 48);
            Assert.Equal(m * 3L, plan.Dimension);
        }
    }

    /// <summary>A limit of the request's epsilon admits it, once.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(8)]
    public void A_limit_of_the_same_epsilon_admits_a_request_once(double epsilon)
    {
        var plan = PerQueryPlan.Create(Parameters, Distinct(1000), clip: false, new Epsilon(epsilon), TestRows.Delta);
        var limit = new PrivacyLimit(new Epsilon(epsilon), TestRows.Delta);
        Assert.True(plan.Cost.FitsIn(limit.Amount));
        Assert.False((plan.Cost + plan.Cost).FitsIn(limit.Amount));
    }

    [Fact]
    public void Sigma_is_never_below_two_to_the_24()
    {
        foreach (var capacity in new[] { 1, 1 << 20, 1 << 28 })
        {
            foreach (var adjacency in new[] { Adjacency.ReplaceOne, Adjacency.AddRemove })
            {
                var plan = PerQueryRequests.Plan(TestRows.BallSchema(3, 2, capacity, 8, adjacency), PerQueryRequests.OneQuery(1, 0, 0), epsilon: 200);
                Assert.True(plan.Variance.Sigma.Value >= 1 << 24);
            }
        }
    }

    [Fact]
    public void Queries_that_break_the_bounds_are_refused_by_number_or_clipped()
    {
        Rejected(1, "query 1: it lies outside the l2 ball of radius 1 around its centre", [0, 0, 1, 1, 0, 1]);
        Rejected(0, "query 0: coordinate 2 is NaN or infinite", [0, 0, double.NaN]);
        Rejected(0, "query 0: coordinate 0 is NaN or infinite", [double.PositiveInfinity, 0, 0], clip: true);
        var clipped = PerQueryPlan.Create(Parameters, new Matrix<double>(2, 3, [0, 30, 40, 0.1, 0.2, 0.3]), clip: true, new Epsilon(1), TestRows.Delta);
        Assert.Equal(0.6, clipped.Queries[0, 1], 1e-12);
        Assert.Equal(0.8, clipped.Queries[0, 2], 1e-12);
        // In bounds nothing is touched.
        Assert.Equal([0.1, 0.2, 0.3], clipped.Queries.Row(1).ToArray());
        // Clipped queries are within bounds: planning them again gives the same request.
        var again = PerQueryPlan.Create(Parameters, clipped.Queries, clip: false, new Epsilon(1), TestRows.Delta);
        Assert.Equal(clipped.Queries.Data, again.Queries.Data);
        Assert.Equal((clipped.Sensitivity, clipped.Variance), (again.Sensitivity, again.Variance));

        var box = PerQueryParameters.Create(TestRows.BoxSchema(2, 2, 10, 1));
        Assert.Equal([1.0, 0.0], PerQueryPlan.Create(box, PerQueryRequests.OneQuery(7, -2), clip: true, new Epsilon(1), TestRows.Delta).Queries.Data);
        Assert.Contains("query 0: coordinate 1 lies outside [0, 1]", Assert.Throws<QueryRejectedException>(
            () => PerQueryPlan.Create(box, PerQueryRequests.OneQuery(0.5, -2), clip: false, new Epsilon(1), TestRows.Delta)).Message);
        // Clipping moves two queries to one: it is asked once.
        Assert.Equal(1, PerQueryPlan.Create(box, new Matrix<double>(2, 2, [7, 0.5, 9, 0.5]), clip: true, new Epsilon(1), TestRows.Delta).Queries.Rows);
    }

    [Fact]
    public void Asked_queries_are_copied()
    {
        var asked = PerQueryRequests.OneQuery(0.5, 0, 0);
        var plan = PerQueryPlan.Create(Parameters, asked, clip: false, new Epsilon(1), TestRows.Delta);
        asked[0, 0] = -1;
        Assert.Equal(0.5, plan.Queries[0, 0]);
    }

    [Fact]
    public void Requests_of_the_wrong_size_are_refused()
    {
        Refused("a request needs at least one query", () => Plan(new Matrix<double>(0, 3)));
        Refused("queries have 2 dimensions; the schema states 3", () => Plan(new Matrix<double>(1, 2)));
        Refused("1025 queries in one request; at most 1024 are allowed", () => Plan(Distinct(1025)));
        var wide = PerQueryParameters.Create(TestRows.BallSchema(3, 999, 10));
        Refused("132 queries of 1000 columns in one request; at most 131 queries of as many are allowed", () => PerQueryPlan.Create(wide, Distinct(132), clip: false, new Epsilon(1), TestRows.Delta));
        Assert.Equal(131_000, PerQueryPlan.Create(wide, Distinct(131), clip: false, new Epsilon(1), TestRows.Delta).Dimension);
        foreach (var epsilon in new[] { 0, 200.1 })
            Refused("epsilon must lie in (0, 200]", () => Plan(Distinct(1), epsilon));
        Refused("delta must be at least 2^-100", () => PerQueryPlan.Create(Parameters, Distinct(1), clip: false, new Epsilon(1), new Delta(1e-31)));
    }

    [Fact]
    public void A_capacity_that_could_overflow_64_bits_is_refused_and_a_full_store_never_overflows()
    {
        var message = Assert.Throws<ArgumentException>(() => PerQueryParameters.Create(TestRows.BallSchema(3, 2, long.MaxValue))).Message;
        const string Before = "could overflow the 64-bit sums; at most ";
        Assert.Contains($"a capacity of {long.MaxValue} rows {Before}", message);
        var largest = long.Parse(message[(message.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..].Split(' ')[0]);
        Assert.InRange(largest, 1L << 28, 1L << 31);
        _ = PerQueryParameters.Create(TestRows.BallSchema(3, 2, largest));
        Refused("could overflow", () => PerQueryParameters.Create(TestRows.BallSchema(3, 2, largest + 1)));

        foreach (var capacity in new[] { 1, 1000, 1 << 22, 1 << 25, largest })
        {
            var parameters = PerQueryParameters.Create(TestRows.BallSchema(3, 2, capacity));
            var full = (System.Numerics.BigInteger)capacity * parameters.LargestValueSteps << parameters.KernelExponent;
            Assert.InRange(parameters.KernelExponent, PerQueryParameters.SmallestKernelExponent, PerQueryParameters.LargestKernelExponent);
            Assert.True(full < System.Numerics.BigInteger.One << 62);
            // The widest noise that is accepted leaves room for 64 of its deviations; the next power of two does not.
            var variance = Enumerable.Range(0, 115).Select(bits => new NoiseVariance(UInt128.One << bits)).Last(v => Accepts(parameters, v));
            Assert.True(full + 64 * (System.Numerics.BigInteger)variance.Sigma.Value < System.Numerics.BigInteger.One << 63);
            Assert.InRange(variance.Value, UInt128.One << 104, UInt128.One << 114);
            if (variance.Value < UInt128.One << 114)
                Refused($"a capacity of {capacity} rows could overflow the 64-bit sums beside noise of this width; at most ", () => parameters.RequireNoOverflow(new NoiseVariance(variance.Value << 1)));
        }
    }

    /// <summary>As epsilon falls, requests of a large store are first accepted, then too wide for its sums, then for the sampler; never anything else.</summary>
    [Fact]
    public void An_epsilon_too_small_for_64_bits_is_refused_before_any_row_is_looked_at()
    {
        var parameters = PerQueryParameters.Create(TestRows.BallSchema(3, 2, (1 << 21) - 1));
        var outcomes = new List<string>();
        for (var epsilon = 1.0; epsilon > 1e-5; epsilon /= 1.02)
        {
            try
            {
                var plan = PerQueryPlan.Create(parameters, Distinct(64), clip: false, new Epsilon(epsilon), TestRows.Delta);
                parameters.RequireNoOverflow(plan.Variance);
                outcomes.Add("accepted");
            }
            catch (ArgumentException refused)
            {
                outcomes.Add(refused.Message.Contains("rows fit. Ask fewer queries at once, or at a larger epsilon") ? "too wide beside the sums"
                    : refused.Message.Contains("needs a deviation above 2^57 lattice steps") ? "too wide" : refused.Message);
            }
        }
        Assert.Equal(["accepted", "too wide beside the sums", "too wide"], outcomes.Where((outcome, i) => i == 0 || outcomes[i - 1] != outcome));
    }

    [Fact]
    public void Exponents_that_doubles_no_longer_resolve_and_answers_of_too_many_columns_are_refused()
    {
        Refused("scale x query norm x key radius is 1.1E+06; at most 1048576 is supported", () => PerQueryParameters.Create(TestRows.BallSchema(3, 2, 10, 1.1e6)));
        Refused("at most 1048576 is supported", () => PerQueryParameters.Create(TestRows.BallSchema(3, 2, 10, double.MaxValue)));
        _ = PerQueryParameters.Create(TestRows.BallSchema(3, 2, 10, 1e6));
        _ = PerQueryParameters.Create(TestRows.BallSchema(3, 2, 10, double.Epsilon));
        Assert.Equal(65537, PerQueryParameters.Create(TestRows.BallSchema(3, 65536, 10)).Columns);
    }

    /// <summary>The lattice, whatever the units: values have 15 bits and a query's sensitivity is the same in its own units.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1e-3, 1e6)]
    [InlineData(1e30, 1e-30)]
    [InlineData(1e-30, 1e30)]
    public void Units_do_not_matter(double keyRadius, double valueRadius)
    {
        var schema = new StoreSchema(Region.Ball(3, keyRadius), Region.Ball(3, 1), ValueBound.Ball(2, valueRadius), 4 / keyRadius, Adjacency.ReplaceOne, 1000);
        var parameters = PerQueryParameters.Create(schema);
        Assert.Equal(2 * valueRadius, Math.ScaleB((double)parameters.QuerySensitivity, -parameters.KernelExponent - parameters.ValueExponent), 2e-4 * valueRadius);
        var (keys, values) = TestRows.Make(schema, 300, 3);
        var query = PerQueryRequests.OneQuery(0.6, 0, -0.8);
        var exact = new ExactAttention<double>(keys, values, schema.Scale).Attend(query);
        Assert.Equal(exact[0, 0], PerQueryRequests.NoiseFree(PerQueryRequests.Plan(schema, query), RowSet.Create(keys, values))[0].Output[0], 3e-5 * valueRadius);
    }

    private static bool Accepts(PerQueryParameters parameters, NoiseVariance variance)
    {
        try
        {
            parameters.RequireNoOverflow(variance);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static PerQueryPlan Plan(Matrix<double> queries, double epsilon = 1) => PerQueryPlan.Create(Parameters, queries, clip: false, new Epsilon(epsilon), TestRows.Delta);

    private static Matrix<double> Distinct(int count) => new(count, 3, [.. Enumerable.Range(0, count).SelectMany(i => new[] { Math.Cos(i), Math.Sin(i), 0 })]);

    private static void Rejected(long number, string message, double[] queries, bool clip = false)
    {
        var rejected = Assert.Throws<QueryRejectedException>(() => PerQueryPlan.Create(Parameters, new Matrix<double>(queries.Length / 3, 3, queries), clip, new Epsilon(1), TestRows.Delta));
        Assert.Contains(message, rejected.Message);
        Assert.Equal(number, rejected.Query);
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
