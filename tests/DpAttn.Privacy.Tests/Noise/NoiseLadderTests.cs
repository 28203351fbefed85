using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

public class NoiseLadderTests
{
    private static readonly Delta Delta = new(1e-6);
    private static readonly BigInteger Sensitivity = BigInteger.One << 35;
    private const long Dimension = 36_465;

    private static readonly Gen<(double First, double Step, int Tiers, double LogDelta, BigInteger Sensitivity)> Ladders = Gen.Select(
        Gen.Double[-2, 0], Gen.Double[1.05, 3], Gen.Int[1, 5], Gen.Double[-12, -3], Gen.Select(Gen.ULong, Gen.Int[22, 30]).Select((x, shift) => (BigInteger)x >> shift),
        (first, step, tiers, logDelta, sensitivity) => (Math.Pow(10, first), step, tiers, logDelta, sensitivity + (BigInteger.One << 34)));

    /// <summary>The exactness that saves users a rounding: a limit stated at a tier's epsilon admits that tier to the last unit, and nothing on top.</summary>
    [Fact]
    public void A_limit_of_a_tiers_epsilon_admits_that_tier_exactly_and_one_step_less_noise_would_not_fit() => Ladders.Sample(l =>
    {
        var ladder = Make(l);
        foreach (var tier in ladder.Tiers)
        {
            var limit = new PrivacyLimit(tier.Epsilon, ladder.Delta).Amount;
            Assert.True(tier.Cost.MuSquared <= limit.MuSquared);
            var variance = tier.Variance.ToBigInteger();
            Assert.True(NoiseLadder.MuSquaredUnits(ladder.Sensitivity, variance - 1) > limit.MuSquared);
            // At sensitivities of 2^34 and more a step of the variance is far below a unit: the tier fills the limit.
            Assert.Equal(limit.MuSquared, tier.Cost.MuSquared);
        }
    }, iter: 200);

    [Fact]
    public void A_charge_is_the_square_of_sensitivity_over_deviation_rounded_up() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.Int[0, 22]).Sample((s, v, ratio) =>
        {
            BigInteger sensitivity = 1 + (s >> 20), variance = 1 + (sensitivity * sensitivity >> ratio) + v;
            var units = NoiseLadder.MuSquaredUnits(sensitivity, variance);
            var square = (sensitivity * sensitivity) << 40;
            return units * variance >= square && (units - 1) * variance < square;
        }, iter: 2000);

    /// <summary>sqrt(D) / (33 sigma^2) in units of 2^-80, compared as squares of integers: never below it, and less than one unit plus the rounding of the root above.</summary>
    [Fact]
    public void The_slack_is_rounded_up() => Gen.Select(Gen.Long[1, long.MaxValue / 4], Gen.Int[0, 62], Gen.ULong, Gen.Int[40, 50]).Sample((d, narrow, v, shift) =>
    {
        var dimension = Math.Max(1, d >> narrow);
        var variance = ((BigInteger)v << shift) + (BigInteger.One << 48);
        var units = (BigInteger)NoiseLadder.SlackUnits(dimension, variance);
        var scaled = units * 33 * variance;
        Assert.True(scaled * scaled >= dimension * BigInteger.Pow(2, 160));
        // One unit less would be below the root rounded up: (units - 1) 33 variance < ceil(sqrt(D)) 2^80.
        var below = (units - 1) * 33 * variance;
        Assert.True(below < ((BigInteger)Math.Ceiling(Math.Sqrt(dimension)) + 1) << 80);
    }, iter: 5000);

    [Fact]
    public void The_slack_grows_with_the_dimension_and_falls_with_the_variance()
    {
        long previous = 0;
        foreach (var dimension in new long[] { 1, 2, 100, 101, 40_000, 1_000_000, 1L << 53, (1L << 53) + 1, 1L << 60 })
        {
            var slack = NoiseLadder.SlackUnits(dimension, BigInteger.One << 48);
            Assert.True(slack >= previous);
            Assert.True(NoiseLadder.SlackUnits(dimension, BigInteger.One << 50) <= slack);
            previous = slack;
        }
        // sqrt(k^2 + 1) is a double that reads k: the root of an integer is taken in integers.
        var k = 90_000_000L;
        Assert.True(NoiseLadder.SlackUnits(k * k + 1, BigInteger.One << 48) > NoiseLadder.SlackUnits(k * k, BigInteger.One << 48));
    }

    [Fact]
    public void The_slack_is_above_the_distance_that_was_measured()
    {
        // Mechanisms, section 4: sqrt(D) / (42.5 sigma^2). Here the distance itself, for one coordinate, between the discrete Gaussian and the
        // rounded one, where both can be summed: it falls with sigma^2, and the slack stays above it.
        foreach (var sigma in new[] { 2, 5, 20 })
        {
            var discrete = new ExactDiscreteGaussian(sigma * sigma, 1);
            var distance = 0.0;
            for (var x = -12 * sigma; x <= 12 * sigma; x++)
                distance += Math.Abs(discrete.Pmf(x) - Rounded(x, sigma)) / 2;
            var bound = 1 / (33.0 * sigma * sigma);
            Assert.InRange(distance * 42.5 * sigma * sigma, 0.6, 1.0);
            Assert.True(distance < bound);
        }

        static double Rounded(int x, double sigma)
        {
            static double Phi(double z) => MathNet.Numerics.SpecialFunctions.Erfc(-z / Math.Sqrt(2)) / 2;
            return x < 0 ? Phi((x + 0.5) / sigma) - Phi((x - 0.5) / sigma) : Phi((0.5 - x) / sigma) - Phi((-0.5 - x) / sigma);
        }
    }

    [Fact]
    public void Tiers_are_nested_and_each_adds_exactly_the_noise_between_it_and_the_next() => Ladders.Sample(l =>
    {
        var ladder = Make(l);
        Assert.Equal(ladder.Tiers[ladder.Best].Variance, ladder.Tiers[ladder.Best].Increment);
        BigInteger sum = 0;
        for (var t = ladder.Best; t >= 0; t--)
        {
            sum += ladder.Tiers[t].Increment.ToBigInteger();
            Assert.Equal(sum, ladder.Tiers[t].Variance.ToBigInteger());
        }
    }, iter: 200);

    [Fact]
    public void An_upgrade_costs_the_difference_whatever_the_way() => Ladders.Sample(l =>
    {
        var ladder = Make(l);
        for (var to = 0; to < ladder.TierCount; to++)
        {
            var steps = ladder.Open(0);
            for (var from = 0; from < to; from++)
            {
                var upgrade = ladder.Upgrade(from, to);
                Assert.Equal(ladder.Open(to).MuSquared, ladder.Open(from).MuSquared + upgrade.MuSquared);
                // What is learned on top of the lower tier has the conditional width, narrower than either tier's noise: more slack than opening at once.
                Assert.True(upgrade.Slack >= ladder.Open(to).Slack);
                BigInteger worse = ladder.Tiers[from].Variance.ToBigInteger(), better = ladder.Tiers[to].Variance.ToBigInteger();
                Assert.Equal(NoiseLadder.SlackUnits(ladder.Dimension, better * (worse - better) / worse), upgrade.Slack);
                steps += ladder.Upgrade(from, from + 1);
            }
            Assert.Equal(ladder.Open(to).MuSquared, steps.MuSquared);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => ladder.Upgrade(ladder.Best, ladder.Best));
    }, iter: 200);

    [Fact]
    public void Tiers_closer_than_the_conditional_width_are_refused_by_name()
    {
        // sigma near 2^35: conditional width 2^24 is a relative step of about 2^-22 in variance, 2^-23 in mu, and so in epsilon.
        NoiseLadder Two(double gap) => NoiseLadder.Calibrate(Sensitivity, Dimension, [new Epsilon(1), new Epsilon(1 + gap)], Delta);
        double refused = 1e-12, admitted = 1e-2;
        while (admitted / refused > 1.001)
        {
            var gap = Math.Sqrt(admitted * refused);
            try
            {
                Two(gap);
                admitted = gap;
            }
            catch (ArgumentException error)
            {
                Assert.Contains("too close", error.Message);
                Assert.Contains("tiers 0 and 1", error.Message);
                refused = gap;
            }
        }
        var ladder = Two(admitted);
        BigInteger worse = ladder.Tiers[0].Variance.ToBigInteger(), better = ladder.Tiers[1].Variance.ToBigInteger();
        var conditional = Math.Sqrt((double)(better * (worse - better) / worse));
        Assert.InRange(conditional, 1 << 24, (1 << 24) * 1.01);
    }

    [Fact]
    public void Noise_narrower_than_2_to_the_24_steps_is_refused()
    {
        // The smallest sensitivity that keeps sigma at 2^24 and the one below it.
        NoiseLadder At(BigInteger sensitivity) => NoiseLadder.Calibrate(sensitivity, Dimension, [new Epsilon(1)], Delta);
        BigInteger low = 1, high = BigInteger.One << 34;
        while (high - low > 1)
        {
            var middle = (low + high) >> 1;
            try
            {
                At(middle);
                high = middle;
            }
            catch (ArgumentException error)
            {
                Assert.Contains("2^24", error.Message);
                low = middle;
            }
        }
        Assert.InRange(At(high).Tiers[0].Variance.Sigma.Value, 1 << 24, (1 << 24) * 1.0001);
    }

    [Fact]
    public void Impossible_ladders_are_refused_and_the_message_names_what_is_wrong()
    {
        void Refused(string says, BigInteger sensitivity, long dimension, double[] epsilons, double delta)
        {
            Epsilon[] tiers = [.. epsilons.Select(e => new Epsilon(e))];
            Assert.Contains(says, Assert.ThrowsAny<ArgumentException>(() => NoiseLadder.Calibrate(sensitivity, dimension, tiers, new Delta(delta))).Message);
        }

        Refused("at least one tier", Sensitivity, Dimension, [], 1e-6);
        Refused("must be above tier 0", Sensitivity, Dimension, [1, 1], 1e-6);
        Refused("must be above tier 1", Sensitivity, Dimension, [1, 2, 1.5], 1e-6);
        Refused("dimension", Sensitivity, 0, [1], 1e-6);
        Refused("sensitivity", 0, Dimension, [1], 1e-6);
        Refused("sensitivity", -1, Dimension, [1], 1e-6);
        Refused("(0, 200]", Sensitivity, Dimension, [0, 1], 1e-6);
        Refused("(0, 200]", Sensitivity, Dimension, [1, 201], 1e-6);
        Refused("2^-100", Sensitivity, Dimension, [1], 1e-31);
        Refused("2^57", BigInteger.One << 57, Dimension, [0.5], 1e-6);
        Refused("one ledger unit", Sensitivity, Dimension, [1e-9], 1e-30);
        Assert.Throws<ArgumentNullException>(() => NoiseLadder.Calibrate(Sensitivity, Dimension, null!, Delta));
        foreach (var bad in new BigInteger[] { 0, -5 })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => NoiseLadder.MuSquaredUnits(bad, 1));
            Assert.Throws<ArgumentOutOfRangeException>(() => NoiseLadder.MuSquaredUnits(1, bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => NoiseLadder.SlackUnits(1, bad));
            Assert.Throws<ArgumentOutOfRangeException>(() => NoiseLadder.SlackUnits((long)bad, 1));
        }
        // A charge or a slack beyond 64 bits is an error, never a small number.
        Assert.Throws<OverflowException>(() => NoiseLadder.MuSquaredUnits(3000, 1));
        Assert.Throws<OverflowException>(() => NoiseLadder.SlackUnits(1 << 20, 1));
    }

    private static NoiseLadder Make((double First, double Step, int Tiers, double LogDelta, BigInteger Sensitivity) l) => NoiseLadder.Calibrate(
        l.Sensitivity, Dimension, [.. Enumerable.Range(0, l.Tiers).Select(t => new Epsilon(Math.Min(l.First * Math.Pow(l.Step, t), 6 + t)))], new Delta(Math.Pow(10, l.LogDelta)));
}
