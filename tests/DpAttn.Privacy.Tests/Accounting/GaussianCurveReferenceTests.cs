using MathNet.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// The curve against high-precision arithmetic. Every comparison is made in rationals, and on both sides: near enough, and on the safe side.
/// </summary>
public class GaussianCurveReferenceTests
{
    private const double Accuracy = 1e-11;

    // Near delta = 1 the curve is flat: the margin of delta is a larger part of epsilon.
    private const double FarAccuracy = 1e-10;

    [Fact]
    public void The_allowed_mu_is_never_above_the_true_one_and_near_it() =>
        Assert.All(CurveReference.Service, row => Assert.True(IsSafeMu(GaussianCurve.MuFor(new Epsilon(row.Epsilon), new Delta(row.Delta)).Value, row), row.Where));

    [Fact]
    public void The_reported_epsilon_is_never_below_the_true_one_and_near_it() =>
        Assert.All(CurveReference.Service, row => Assert.True(IsSafeEpsilon(GaussianCurve.EpsilonFor(new Mu(row.MuAbove), new Delta(row.Delta)).Value, row), row.Where));

    [Fact]
    public void The_reported_delta_is_never_below_the_true_one_and_near_it() =>
        Assert.All(CurveReference.Service, row => Assert.True(IsSafeDelta(GaussianCurve.DeltaFor(new Epsilon(row.Epsilon), new Mu(row.MuAbove)).Value, row), row.Where));

    /// <summary>The companion of the three claims above: results that are wrong by 1e-9 on the spender's side, or wasteful by 1e-9 on the other, are caught on every row.</summary>
    [Fact]
    public void An_accountant_that_errs_by_a_billionth_would_be_caught_on_every_row()
    {
        foreach (var row in CurveReference.Service)
        {
            double mu = GaussianCurve.MuFor(new Epsilon(row.Epsilon), new Delta(row.Delta)).Value, epsilon = row.Epsilon, delta = row.Delta;
            Assert.False(IsSafeMu(mu * (1 + 1e-9), row), row.Where);
            Assert.False(IsSafeMu(mu * (1 - 1e-9), row), row.Where);
            Assert.False(IsSafeEpsilon(epsilon * (1 - 1e-9), row), row.Where);
            Assert.False(IsSafeEpsilon(epsilon * (1 + 1e-9), row), row.Where);
            Assert.False(IsSafeDelta(delta * (1 - 1e-9), row), row.Where);
            Assert.False(IsSafeDelta(delta * (1 + 1e-9), row), row.Where);
        }
    }

    /// <summary>Why the curve is not computed as the formula is written: the difference of two nearly equal numbers loses all digits.</summary>
    [Fact]
    public void The_textbook_difference_would_be_caught()
    {
        static double Phi(double x) => SpecialFunctions.Erfc(-x / Constants.Sqrt2) / 2;
        static double Textbook(double e, double m) => Phi(-e / m + m / 2) - Math.Exp(e) * Phi(-e / m - m / 2);
        var caught = CurveReference.Service.Count(row => !IsSafeDelta(Textbook(row.Epsilon, row.MuAbove), row));
        Assert.True(caught > CurveReference.Service.Count / 2, $"only {caught} rows");
    }

    /// <summary>At mu = 1e6 the quotient epsilon/mu alone carries a thousand times the rounding that delta at a = 37 forgives.</summary>
    [Fact]
    public void Far_outside_the_range_of_a_service_epsilon_is_still_rounded_up_and_near()
    {
        foreach (var row in CurveReference.Extremes)
        {
            var reported = Exact.Of(GaussianCurve.EpsilonFor(new Mu(row.Mu), new Delta(row.Delta)).Value);
            Assert.True(reported >= row.Epsilon, row.Where);
            if (row.Epsilon.Numerator.IsZero)
                Assert.True(reported.Numerator.IsZero, row.Where);
            else
                Assert.True(reported.RelativeTo(row.Epsilon) < FarAccuracy, $"{row.Where}: {reported.RelativeTo(row.Epsilon)}");
        }
    }

    [Fact]
    public void Far_outside_the_range_of_a_service_delta_is_still_rounded_up_even_among_the_subnormals()
    {
        foreach (var row in CurveReference.Extremes.Where(row => !row.Epsilon.Numerator.IsZero))
        {
            // At the double next below epsilon the true delta is above the row's; by how much is the curve's slope, up to 60 mu per unit of epsilon.
            var reported = GaussianCurve.DeltaFor(new Epsilon(row.EpsilonBelow), new Mu(row.Mu)).Value;
            Assert.True(reported >= row.Delta, row.Where);
            var slope = 60 / row.Mu * row.EpsilonBelow * 4e-16 + row.Mu * 1e-14;
            Assert.True(reported <= row.Delta * (1 + Accuracy + slope) + 2 * double.Epsilon, $"{row.Where}: {reported} against {row.Delta}");
        }
    }

    private static bool IsSafeMu(double mu, CurveReference.MuRow row) =>
        Exact.Of(mu) <= row.Mu && Exact.Of(mu).RelativeTo(row.Mu) > -Accuracy;

    private static bool IsSafeEpsilon(double epsilon, CurveReference.MuRow row) =>
        epsilon >= row.Epsilon && Exact.Of(epsilon).RelativeTo(Exact.Of(row.Epsilon)) < Accuracy;

    // One unit of mu's last place is up to 3e-13 of delta.
    private static bool IsSafeDelta(double delta, CurveReference.MuRow row) =>
        delta >= row.Delta && Exact.Of(delta).RelativeTo(Exact.Of(row.Delta)) < Accuracy;
}
