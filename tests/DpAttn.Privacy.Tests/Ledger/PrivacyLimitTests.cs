using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

public class PrivacyLimitTests
{
    private const long Dimension = 36_465;
    private static readonly Delta Delta = new(1e-6);
    private static readonly Gen<(double Epsilon, double Delta)> Limits = Gen.Select(Gen.Double[-3, 1.1], Gen.Double[-14, -2], (e, d) => (Math.Pow(10, e), Math.Pow(10, d)));

    /// <summary>The two parts together promise (epsilon, delta): 0.999 delta for the curve, and (1 + e^epsilon) times the slack within the last thousandth.</summary>
    [Fact]
    public void A_limit_splits_its_delta_and_rounds_both_parts_down() => Limits.Sample(l =>
    {
        var limit = new PrivacyLimit(new Epsilon(l.Epsilon), new Delta(l.Delta));
        var mu = GaussianCurve.MuFor(limit.Epsilon, PrivacyLimit.CurveDelta(limit.Delta));
        Assert.Equal(PrivacyAmount.FloorMuSquared(mu), limit.Amount.MuSquared);
        // In fixed point: (1 + e^epsilon) slack 2^-80 <= delta/1000, and not by more than a unit and 1e-11 less.
        var (n, d) = (Exact.Of(l.Epsilon).Numerator, Exact.Of(l.Epsilon).Denominator);
        var factor = FixedPoint.One * FixedPoint.One / FixedPoint.ExpMinus(n, d) + FixedPoint.One;
        Exact Delta(BigInteger slack) => new(slack * factor, FixedPoint.One << PrivacyAmount.SlackBits);
        var thousandth = Exact.Of(l.Delta) * new Exact(1, 1000);
        Assert.True(Delta(limit.Amount.Slack) <= thousandth);
        Assert.True(Delta(limit.Amount.Slack + 1).RelativeTo(thousandth) > -1e-11);
        // Both halves do not exceed the whole.
        Assert.True(Exact.Of(PrivacyLimit.CurveDelta(limit.Delta).Value) + Delta(limit.Amount.Slack) <= Exact.Of(l.Delta));
    }, iter: 500);

    [Fact]
    public void What_is_spent_at_the_limit_converts_back_to_the_limit() => Limits.Sample(l =>
    {
        var limit = new PrivacyLimit(new Epsilon(l.Epsilon), new Delta(l.Delta));
        // One unit of 2^-40 is a relative 2^-41/mu^2 of mu.
        var coarse = 1e-11 + 4 / (double)limit.Amount.MuSquared;
        var back = PrivacyLimit.ToEpsilon(limit.Amount, limit.Delta).Value;
        return back > l.Epsilon * (1 - 4 * coarse - 1e-9) && back < l.Epsilon * (1 + 1e-10 + 4 * coarse);
    }, iter: 500);

    [Fact]
    public void Nothing_spent_is_epsilon_0_and_more_spent_is_more()
    {
        Assert.Equal(0, PrivacyLimit.ToEpsilon(PrivacyAmount.Zero, Delta).Value);
        var previous = 0.0;
        for (var units = 1L << 20; units < 1L << 46; units <<= 1)
        {
            var epsilon = PrivacyLimit.ToEpsilon(new PrivacyAmount(units, 0), Delta).Value;
            Assert.True(epsilon > previous);
            previous = epsilon;
        }
    }

    /// <summary>What is shown as remaining can be spent: a tier of that epsilon fits, and one of a relative 1e-9 more does not.</summary>
    [Fact]
    public void What_is_shown_as_affordable_fits_and_next_to_nothing_more_does() => Gen.Select(Limits, Gen.Double[1e-4, 1]).Sample((l, share) =>
    {
        var limit = new PrivacyLimit(new Epsilon(l.Epsilon), new Delta(l.Delta));
        var remaining = new PrivacyAmount((long)(limit.Amount.MuSquared * share), limit.Amount.Slack);
        var affordable = PrivacyLimit.ToAffordableEpsilon(remaining, limit.Delta);
        if (affordable.Value == 0)
        {
            // Only where delta alone covers what is left.
            Assert.Equal(0, PrivacyLimit.ToEpsilon(remaining, limit.Delta).Value);
            return;
        }
        long Units(double epsilon) => PrivacyAmount.FloorMuSquared(GaussianCurve.MuFor(new Epsilon(epsilon), PrivacyLimit.CurveDelta(limit.Delta)));
        Assert.True(Units(affordable.Value) <= remaining.MuSquared);
        Assert.True(Units(affordable.Value * (1 + 1e-9) + 1e-12) >= remaining.MuSquared - 1);
    }, iter: 500);

    [Fact]
    public void Nothing_is_affordable_without_mu_squared_or_without_slack()
    {
        Assert.Equal(0, PrivacyLimit.ToAffordableEpsilon(PrivacyAmount.Zero, Delta).Value);
        Assert.Equal(0, PrivacyLimit.ToAffordableEpsilon(new PrivacyAmount(1L << 40, 0), Delta).Value);
        Assert.Equal(0, PrivacyLimit.ToAffordableEpsilon(new PrivacyAmount(0, 1L << 40), Delta).Value);
        Assert.True(PrivacyLimit.ToAffordableEpsilon(new PrivacyAmount(1L << 40, 1), Delta).Value > 0);
    }

    [Fact]
    public void Impossible_limits_are_refused()
    {
        foreach (var epsilon in new[] { 0, 200.1 })
            Assert.Throws<ArgumentOutOfRangeException>(() => new PrivacyLimit(new Epsilon(epsilon), Delta));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PrivacyLimit(new Epsilon(1), new Delta(1e-31)));
        // Not one unit of slack: (1 + e^35) 2^-80 is above 1e-9.
        Assert.Contains("slack", Assert.Throws<ArgumentException>(() => new PrivacyLimit(new Epsilon(35), Delta)).Message);
        Assert.True(new PrivacyLimit(new Epsilon(34), Delta).Amount.Slack >= 1);
        // A generous delta is clamped to what 64 bits hold, not wrapped.
        Assert.Equal(long.MaxValue, new PrivacyLimit(new Epsilon(0.001), new Delta(0.5)).Amount.Slack);
    }

    /// <summary>Mechanisms, section 4: about epsilon 26 at delta 1e-6 for noise 2^35 wide, 10.8 for one upgrade 2^24 wide (2145 features x 17 columns).</summary>
    [Theory]
    [InlineData(35, 26.0)]
    [InlineData(24, 10.8)]
    public void The_slack_of_one_release_fits_limits_up_to_the_epsilon_of_the_specification(int sigmaBits, double epsilon)
    {
        var cost = new PrivacyAmount(1, NoiseLadder.SlackUnits(Dimension, BigInteger.One << (2 * sigmaBits)));
        LedgerDecision Charge(double at)
        {
            var limit = new PrivacyLimit(new Epsilon(at), Delta).Amount;
            var ledger = Ledgers.Make(limit, limit);
            return ledger.Charge(Ledgers.Ann, Ledgers.Request(1), Ledgers.Fingerprint(1), cost);
        }

        Assert.True(Charge(epsilon - 0.1).IsAdmitted);
        var refused = Assert.IsType<LedgerDecision.Refused>(Charge(epsilon + 0.1));
        Assert.Equal((RefusalReason.AccountLimit, 0L), (refused.Reason, refused.ShortBy!.Value.MuSquared));
        Assert.True(refused.ShortBy.Value.Slack > 0);
    }

    [Fact]
    public void A_limit_that_a_ladder_cannot_be_opened_under_for_want_of_slack_is_refused_by_name()
    {
        var sensitivity = BigInteger.One << 35;
        NoiseLadder Ladder(params double[] epsilons) => NoiseLadder.Calibrate(sensitivity, Dimension, [.. epsilons.Select(e => new Epsilon(e))], Delta);
        PrivacyLimit Limit(double epsilon) => new(new Epsilon(epsilon), Delta);

        Limit(1).RequireRoomFor(Ladder(0.25, 0.5, 1));
        Limit(20).RequireRoomFor(Ladder(5, 10, 20));
        // At epsilon 26 the noise is 2^33 wide.
        var message = Assert.Throws<ArgumentException>(() => Limit(26).RequireRoomFor(Ladder(26))).Message;
        Assert.Contains("tier 0 (epsilon 26)", message);
        Assert.Contains("delta/1000", message);
        // Tiers so close that the upgrade is 2^24 and a little wide: fine at epsilon 10, not at 12.
        foreach (var (epsilon, fits) in new[] { (10.0, true), (12.0, false) })
        {
            var close = Closest(epsilon, Ladder);
            Limit(epsilon * 1.01).RequireRoomFor(Ladder(epsilon));
            if (fits)
                Limit(epsilon * 1.01).RequireRoomFor(close);
            else
                Assert.Contains("tier 1", Assert.Throws<ArgumentException>(() => Limit(epsilon * 1.01).RequireRoomFor(close)).Message);
        }
        // Exactly where the slack of the climb passes the limit's, for one tier and for three.
        foreach (var ladder in new[] { Ladder(18), Ladder(17.5, 17.7, 18) })
        {
            var climb = ladder.Open(0).Slack + Enumerable.Range(1, ladder.Best).Sum(tier => ladder.Upgrade(tier - 1, tier).Slack);
            var limits = Enumerable.Range(0, 800).Select(i => Limit(18.001 + i / 100.0)).ToArray();
            Assert.Contains(limits, limit => limit.Amount.Slack >= climb);
            Assert.Contains(limits, limit => limit.Amount.Slack < climb);
            Assert.All(limits, limit => Assert.Equal(limit.Amount.Slack < climb, Record.Exception(() => limit.RequireRoomFor(ladder)) is ArgumentException));
        }
        // A tier whose mu squared is beyond the limit is not the limit's fault.
        Limit(1).RequireRoomFor(Ladder(0.5, 26));
        Limit(0.1).RequireRoomFor(Ladder(0.5, 1));
        Assert.Throws<ArgumentNullException>(() => Limit(1).RequireRoomFor(null!));
    }

    private static NoiseLadder Closest(double epsilon, Func<double[], NoiseLadder> ladder)
    {
        for (var gap = 1e-9; ; gap *= 1.01)
        {
            try
            {
                return ladder([epsilon, epsilon * (1 + gap)]);
            }
            catch (ArgumentException)
            {
                // Still too close.
            }
        }
    }
}
