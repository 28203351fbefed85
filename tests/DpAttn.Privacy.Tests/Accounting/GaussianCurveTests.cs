using CsCheck;

namespace DpAttn.Privacy.Tests;

public class GaussianCurveTests
{
    private static readonly Gen<double> Epsilons = Gen.Double[-3, Math.Log10(200)].Select(x => Math.Pow(10, x));
    private static readonly Gen<double> Deltas = Gen.Double[-300, -3].Select(x => Math.Pow(10, x));
    private static readonly Gen<double> Mus = Gen.Double[-4, 1.2].Select(x => Math.Pow(10, x));

    [Fact]
    public void Going_round_by_mu_never_gains_epsilon_and_loses_next_to_nothing() => Gen.Select(Epsilons, Deltas).Sample((e, d) =>
    {
        var back = GaussianCurve.EpsilonFor(GaussianCurve.MuFor(new Epsilon(e), new Delta(d)), new Delta(d)).Value;
        return back <= e && back > e * (1 - 1e-11);
    }, iter: 1000);

    [Fact]
    public void Going_round_by_epsilon_never_gains_mu_and_loses_next_to_nothing() => Gen.Select(Mus, Deltas).Sample((m, d) =>
    {
        var epsilon = GaussianCurve.EpsilonFor(new Mu(m), new Delta(d));
        if (epsilon.Value == 0)
            return true;
        var back = GaussianCurve.MuFor(epsilon, new Delta(d)).Value;
        return back >= m && back < m * (1 + 1e-10);
    }, iter: 1000);

    [Fact]
    public void Going_round_by_delta_never_gains_delta_and_loses_next_to_nothing() => Gen.Select(Epsilons, Deltas).Sample((e, d) =>
    {
        var back = GaussianCurve.DeltaFor(new Epsilon(e), GaussianCurve.MuFor(new Epsilon(e), new Delta(d))).Value;
        return back <= d * (1 + 1e-12) && back > d * (1 - 1e-11);
    }, iter: 1000);

    /// <summary>More mu costs more, more delta allows more, more epsilon allows more: in steps of a relative 1e-9, across the margin.</summary>
    [Fact]
    public void Every_conversion_is_monotone() => Gen.Select(Epsilons, Deltas, Mus).Sample((e, d, m) =>
    {
        const double Step = 1 + 1e-9;
        var mu = GaussianCurve.MuFor(new Epsilon(e), new Delta(d)).Value;
        var epsilon = GaussianCurve.EpsilonFor(new Mu(m), new Delta(d)).Value;
        var delta = GaussianCurve.DeltaFor(new Epsilon(e), new Mu(mu)).Value;
        return GaussianCurve.MuFor(new Epsilon(e * Step), new Delta(d)).Value > mu
            && GaussianCurve.MuFor(new Epsilon(e), new Delta(d * 1.001)).Value > mu
            && (epsilon == 0 || GaussianCurve.EpsilonFor(new Mu(m * Step), new Delta(d)).Value > epsilon)
            && (epsilon == 0 || GaussianCurve.EpsilonFor(new Mu(m), new Delta(d * 1.001)).Value < epsilon)
            && GaussianCurve.DeltaFor(new Epsilon(e), new Mu(mu * Step)).Value > delta
            && GaussianCurve.DeltaFor(new Epsilon(e * Step), new Mu(mu)).Value < delta;
    }, iter: 500);

    [Fact]
    public void Composition_is_the_root_of_the_sum_of_squares_rounded_up() => Mus.Array[0, 40].Sample(parts =>
    {
        var composed = Exact.Of(GaussianCurve.Compose(parts.Select(m => new Mu(m))).Value);
        var squares = parts.Aggregate(new Exact(0, 1), (sum, m) => sum + Exact.Of(m) * Exact.Of(m));
        return parts.Length == 0 ? composed == Exact.Of(0) : composed * composed >= squares && (composed * composed).RelativeTo(squares) < 1e-13;
    }, iter: 2000);

    [Fact]
    public void Composition_neither_overflows_nor_underflows_on_the_way()
    {
        Assert.Equal(0, GaussianCurve.Compose([]).Value);
        Assert.Equal(0, GaussianCurve.Compose([new Mu(0), new Mu(0)]).Value);
        Assert.InRange(GaussianCurve.Compose([new Mu(3e-200), new Mu(4e-200)]).Value, 5e-200, 5.0001e-200);
        Assert.InRange(GaussianCurve.Compose([new Mu(3e200), new Mu(4e200)]).Value, 5e200, 5.0001e200);
        Assert.InRange(GaussianCurve.Compose([new Mu(double.Epsilon)]).Value, double.Epsilon, 3 * double.Epsilon);
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianCurve.Compose([new Mu(double.MaxValue), new Mu(double.MaxValue)]));
        Assert.Throws<ArgumentNullException>(() => GaussianCurve.Compose(null!));
    }

    [Fact]
    public void The_deviation_is_rounded_up_and_gives_back_its_epsilon() => Gen.Select(Epsilons, Deltas, Mus).Sample((e, d, s) =>
    {
        var sigma = GaussianCurve.SigmaFor(new Sensitivity(s), new Epsilon(e), new Delta(d));
        var mu = GaussianCurve.MuFor(new Epsilon(e), new Delta(d));
        // sigma mu at least the sensitivity, in rationals.
        var product = Exact.Of(sigma.Value) * Exact.Of(mu.Value);
        if (!(product >= Exact.Of(s) && product.RelativeTo(Exact.Of(s)) < 1e-15))
            return false;
        var back = GaussianCurve.MuOf(new Sensitivity(s), sigma);
        return Exact.Of(back.Value) * Exact.Of(sigma.Value) >= Exact.Of(s)
            && GaussianCurve.EpsilonFor(back, new Delta(d)).Value is var epsilon && epsilon > e * (1 - 1e-11) && epsilon < e * (1 + 1e-11);
    }, iter: 1000);

    /// <summary>Nothing is reported as free that is not, however far out: an unbounded mu once came back as epsilon 0.</summary>
    [Fact]
    public void A_huge_mu_is_never_reported_as_private()
    {
        foreach (var mu in new[] { 50, 1e3, 1e8, 1e15, 1e16, 1e17, 1e20, 1e100, 1e150 })
        {
            Assert.InRange(GaussianCurve.DeltaFor(new Epsilon(1), new Mu(mu)).Value, 1 - 1e-15, 1);
            Assert.InRange(GaussianCurve.EpsilonFor(new Mu(mu), new Delta(1e-6)).Value, mu / 2 * mu, (mu / 2 + 10) * mu * 1.001);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianCurve.EpsilonFor(new Mu(1e200), new Delta(1e-6)));
    }

    [Fact]
    public void A_tiny_mu_is_free_only_when_delta_alone_covers_it()
    {
        Assert.Equal(0, GaussianCurve.EpsilonFor(new Mu(0), new Delta(double.Epsilon)).Value);
        Assert.Equal(0, GaussianCurve.EpsilonFor(new Mu(double.Epsilon), new Delta(1e-300)).Value);
        // delta(0; mu) = 2 Phi(mu/2) - 1, about mu / sqrt(2 pi).
        Assert.Equal(0, GaussianCurve.EpsilonFor(new Mu(2.5e-6), new Delta(1e-6)).Value);
        Assert.True(GaussianCurve.EpsilonFor(new Mu(2.51e-6), new Delta(1e-6)).Value > 0);
        Assert.Equal(double.Epsilon, GaussianCurve.DeltaFor(new Epsilon(0), new Mu(0)).Value);
        Assert.InRange(GaussianCurve.DeltaFor(new Epsilon(0), new Mu(1e-10)).Value, 3.989e-11, 3.99e-11);
        Assert.Equal(double.Epsilon, GaussianCurve.DeltaFor(new Epsilon(1), new Mu(1e-310)).Value);
    }

    [Fact]
    public void An_epsilon_of_zero_still_has_a_mu_and_none_is_made_up_where_no_double_is_small_enough()
    {
        Assert.InRange(GaussianCurve.MuFor(new Epsilon(0), new Delta(1e-6)).Value, 2.506e-6, 2.507e-6);
        Assert.InRange(GaussianCurve.MuFor(new Epsilon(1e-300), new Delta(1e-100)).Value, 2.506e-100, 2.507e-100);
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianCurve.MuFor(new Epsilon(0), new Delta(1e-200)));
    }

    [Fact]
    public void The_power_of_the_best_test_is_a_rising_curve_above_the_diagonal()
    {
        foreach (var rate in new[] { 1e-300, 1e-100, 1e-10, 0.01, 0.5, 0.99 })
        {
            Assert.InRange(GaussianCurve.TruePositiveRate(new Mu(0), rate), rate * (1 - 1e-9), rate * (1 + 1e-9));
            var previous = rate * (1 - 1e-9);
            foreach (var mu in new[] { 1e-3, 0.1, 1, 10, 60 })
            {
                var power = GaussianCurve.TruePositiveRate(new Mu(mu), rate);
                Assert.True(power > previous || power == 1, $"rate {rate}, mu {mu}");
                previous = power;
            }
        }
        // Any test obeys power <= e^epsilon rate + delta, with equality at the curve's own epsilon: here at the rate where the two meet.
        foreach (var mu in new[] { 0.1, 0.5, 1, 3 })
        {
            foreach (var epsilon in new[] { 0.1, 1, 4 })
            {
                var delta = GaussianCurve.DeltaFor(new Epsilon(epsilon), new Mu(mu)).Value;
                foreach (var rate in new[] { 1e-8, 1e-4, 0.01, 0.2, 0.7 })
                    Assert.True(GaussianCurve.TruePositiveRate(new Mu(mu), rate) <= Math.Exp(epsilon) * rate + delta + 1e-12);
            }
        }
        foreach (var bad in new[] { 0, 1, -0.1, 1.1, double.NaN })
            Assert.Throws<ArgumentOutOfRangeException>(() => GaussianCurve.TruePositiveRate(new Mu(1), bad));
    }
}
