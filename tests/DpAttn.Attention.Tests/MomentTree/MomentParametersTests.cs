using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>What a schema, a kernel and a ladder are refused for, before there is any row.</summary>
public class MomentParametersTests
{
    [Fact]
    public void Features_that_do_not_fit_in_memory_are_refused_with_their_number_and_bytes()
    {
        Refused($"76088705 features; with 65 columns the moment matrix would take {76088705L * 65 * 8} bytes, and at most 1073741824 are allowed",
            () => MomentParameters.Create(TestRows.BallSchema(768, 64, 1000), 3));
        Refused($"{long.MaxValue} features", () => MomentParameters.Create(TestRows.BallSchema(65536, 64, 1000), 18));
        // The matrix itself would fit; the strips of a block of 512 rows would not.
        Refused("13123110 features; a block of rows would take", () => MomentParameters.Create(TestRows.BallSchema(10, 1, 1000), 18));
        Assert.Equal(2145, MomentParameters.Create(TestRows.BallSchema(64, 64, 1000), 2).Features);
    }

    [Fact]
    public void A_kernel_that_is_off_by_as_much_as_the_weight_itself_is_refused()
    {
        Refused("a Taylor polynomial of degree 3 has a relative error of 3.4", () => MomentParameters.Create(TestRows.BallSchema(3, 2, 100, 2), 3, KernelMethod.Taylor));
        Refused("must be below 1. Use a higher degree or a smaller scale", () => MomentParameters.Create(TestRows.BallSchema(3, 2, 100, 1.01), 1, KernelMethod.Taylor));
        _ = MomentParameters.Create(TestRows.BallSchema(3, 2, 100, 0.99), 1, KernelMethod.Taylor);
        Refused("scale x query radius x key radius must lie in", () => MomentParameters.Create(TestRows.BallSchema(3, 2, 100, 65), 2));
        Refused("scale x query radius x key radius must lie in", () => MomentParameters.Create(TestRows.BallSchema(3, 2, 100, 1e-13), 2));
        Refused("the degree must lie between 1 and 18", () => MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 0));
        Refused("the degree must lie between 1 and 18", () => MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 19));
    }

    [Fact]
    public void Row_weights_too_far_apart_are_refused() =>
        Refused("centre the queries nearer to the origin", () => MomentParameters.Create(
            new StoreSchema(Region.Ball(2, 1), Region.Ball([100, 0], 1), ValueBound.Ball(1, 1), 1, Adjacency.ReplaceOne, 10), 2));

    /// <summary>
    /// Coefficients of infinity or 0 would turn features into NaN or drop a degree without a word. In such units they are refused, and in all
    /// that are accepted every feature is finite.
    /// </summary>
    [Fact]
    public void Units_whose_powers_leave_the_range_of_doubles_are_refused_and_all_others_give_finite_features()
    {
        int accepted = 0, refused = 0;
        foreach (var keyBits in new[] { -100, -60, -20, 0, 20, 60, 100 })
        {
            foreach (var queryBits in new[] { -100, -30, 0, 30, 100 })
            {
                foreach (var degree in new[] { 1, 2, 6, 12, 18 })
                {
                    double keyRadius = Math.ScaleB(1, keyBits), queryRadius = Math.ScaleB(1, queryBits);
                    var schema = new StoreSchema(
                        Region.Ball(2, keyRadius), Region.Ball(2, queryRadius), ValueBound.Ball(2, keyRadius), 0.9 / keyRadius / queryRadius, Adjacency.ReplaceOne, 1000);
                    MomentParameters parameters;
                    try
                    {
                        parameters = MomentParameters.Create(schema, degree);
                        accepted++;
                    }
                    catch (ArgumentException e) when (e.Message.Contains("would leave the range of doubles; state keys, queries and scale in units nearer to 1"))
                    {
                        refused++;
                        continue;
                    }
                    var accumulator = new MomentAccumulator(parameters, clip: false);
                    var (features, values) = accumulator.RowIntegers(TestRows.OneRow([keyRadius * 0.6, -keyRadius * 0.8], [keyRadius, 0]), 0);
                    var norm = Math.Sqrt(features.Sum(x => (double)x * x));
                    Assert.InRange(norm, 0.9 * parameters.FeatureNormSteps, parameters.FeatureNormSteps + Math.Sqrt(features.Length));
                    Assert.InRange(values[1], 1 << 15, 1 << 16);
                    Assert.All(parameters.QueryCoefficients, c => Assert.True(double.IsFinite(c) && c != 0));
                }
            }
        }
        Assert.True(accepted > 50 && refused > 20, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void A_capacity_that_could_overflow_64_bits_is_refused_with_the_largest_that_fits()
    {
        const string Before = "could overflow the 64-bit sums; at most ";
        var message = Assert.Throws<ArgumentException>(() => MomentParameters.Create(TestRows.BallSchema(3, 2, long.MaxValue), 2)).Message;
        Assert.Contains($"a capacity of {long.MaxValue} rows {Before}", message);
        var largest = long.Parse(message[(message.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..].Split(' ')[0]);
        // Near 2^63 / 2^35.
        Assert.InRange(largest, 1L << 26, 1L << 29);
        _ = MomentParameters.Create(TestRows.BallSchema(3, 2, largest), 2);
        Refused("could overflow", () => MomentParameters.Create(TestRows.BallSchema(3, 2, largest + 1), 2));

        // A ladder needs room for 64 deviations of its worst noise beside the full store.
        var full = MomentParameters.Create(TestRows.BallSchema(3, 2, largest), 2);
        message = Assert.Throws<ArgumentException>(() => MomentRelease.Calibrate(full, [new Epsilon(1e-3)], TestRows.Delta)).Message;
        Assert.Contains($"a capacity of {largest} rows {Before}", message);
        var withNoise = long.Parse(message[(message.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..].Split(' ')[0]);
        Assert.True(withNoise < largest);
        var fits = MomentParameters.Create(TestRows.BallSchema(3, 2, withNoise), 2);
        _ = MomentRelease.Calibrate(fits, [new Epsilon(1e-3)], TestRows.Delta);
    }

    [Fact]
    public void Ladders_that_do_not_rise_or_stand_outside_their_range_are_refused()
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 2);
        Refused("ladder: tier 1 (epsilon 1) must be above tier 0 (epsilon 1)", () => Calibrate(parameters, 1e-6, 1, 1));
        Refused("ladder: tier 2 (epsilon 0.5) must be above tier 1 (epsilon 2)", () => Calibrate(parameters, 1e-6, 1, 2, 0.5));
        Refused("a ladder needs at least one tier", () => Calibrate(parameters, 1e-6));
        Refused("too close", () => Calibrate(parameters, 1e-6, 1, 1 + 1e-9));
        Refused("epsilon must lie in (0, 200]", () => Calibrate(parameters, 1e-6, 0));
        Refused("epsilon must lie in (0, 200]", () => Calibrate(parameters, 1e-6, 200.1));
        foreach (var epsilon in new[] { -1, double.NaN, double.PositiveInfinity })
            Refused("epsilon must be", () => Calibrate(parameters, 1e-6, epsilon));
        Refused("delta must be at least 2^-100", () => Calibrate(parameters, 1e-31, 1));
        foreach (var delta in new[] { 0, 1, -1e-6, 2, double.NaN })
            Refused("delta must lie strictly between 0 and 1", () => Calibrate(parameters, delta, 1));
        Calibrate(parameters, 7.9e-31, 200);
    }

    [Fact]
    public void A_ladder_of_another_sensitivity_or_dimension_is_refused_at_publish()
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(3, 2, 100), 2);
        var exact = MomentAccumulator.Sum(parameters, TestRows.Rows(parameters.Schema, 10, 1));
        var other = MomentRelease.Calibrate(MomentParameters.Create(TestRows.BallSchema(3, 3, 100), 2), [new Epsilon(1)], TestRows.Delta);
        Refused("the ladder was calibrated for another sensitivity or dimension", () => MomentRelease.Publish(exact, other, new byte[32]));
        var wrong = NoiseLadder.Calibrate(parameters.Sensitivity.Integer - 1, parameters.Dimension, [new Epsilon(1)], TestRows.Delta);
        Refused("the ladder was calibrated for another sensitivity or dimension", () => MomentRelease.Publish(exact, wrong, new byte[32]));
        Refused("a release secret has 32 bytes, not 31", () => MomentRelease.Publish(exact, MomentRelease.Calibrate(parameters, [new Epsilon(1)], TestRows.Delta), new byte[31]));
    }

    private static void Calibrate(MomentParameters parameters, double delta, params double[] epsilons) =>
        MomentRelease.Calibrate(parameters, [.. epsilons.Select(e => new Epsilon(e))], new Delta(delta));

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
