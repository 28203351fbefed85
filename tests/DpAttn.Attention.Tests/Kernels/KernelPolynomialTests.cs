namespace DpAttn.Attention.Tests;

public class KernelPolynomialTests
{
    /// <summary>Mechanisms, section 2: relative minimax | Taylor on [-L, L], to two digits.</summary>
    public static TheoryData<double, int, double, double> Table => new()
    {
        { 0.25, 1, 1.6e-2, 3.7e-2 }, { 0.25, 2, 6.5e-4, 3.1e-3 }, { 0.25, 3, 2.0e-5, 2.0e-4 }, { 0.25, 4, 5.1e-7, 1.0e-5 },
        { 1, 1, 2.3e-1, 1.0 }, { 1, 2, 4.0e-2, 3.6e-1 }, { 1, 3, 5.0e-3, 9.4e-2 }, { 1, 4, 5.0e-4, 1.9e-2 },
        { 2, 1, 6.8e-1, 8.4 }, { 2, 2, 2.7e-1, 6.4 }, { 2, 3, 7.1e-2, 3.5 }, { 2, 4, 1.4e-2, 1.5 },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Relative_errors_are_those_of_the_specification_to_two_digits(double interval, int degree, double minimax, double taylor)
    {
        Assert.Equal(minimax, TwoDigits(KernelPolynomial.Fit(KernelMethod.Minimax, interval, degree).RelativeError));
        Assert.Equal(taylor, TwoDigits(KernelPolynomial.Fit(KernelMethod.Taylor, interval, degree).RelativeError));
    }

    [Theory]
    [MemberData(nameof(Table))]
    public void The_minimax_error_alternates_at_degree_plus_two_points(double interval, int degree, double minimax, double _)
    {
        var kernel = KernelPolynomial.Fit(KernelMethod.Minimax, interval, degree);
        int alternations = 0, sign = 0;
        for (var i = 0; i <= 100_000; i++)
        {
            var t = interval * (2.0 * i / 100_000 - 1);
            var error = kernel.Evaluate(t) * Math.Exp(-t) - 1;
            if (Math.Abs(error) >= 0.999 * minimax * 0.97 && Math.Sign(error) != sign)
            {
                sign = Math.Sign(error);
                alternations++;
            }
        }
        Assert.Equal(degree + 2, alternations);
    }

    [Fact]
    public void Certified_bounds_hold_on_a_finer_grid_and_are_tight()
    {
        foreach (var method in Enum.GetValues<KernelMethod>())
        {
            foreach (var interval in new[] { 0.1, 0.25, 1, 1.7, 3 })
            {
                for (var degree = 1; degree <= 6; degree++)
                {
                    var kernel = KernelPolynomial.Fit(method, interval, degree);
                    double error = 0, lowest = double.MaxValue;
                    for (var i = 0; i <= 200_001; i++)
                    {
                        var t = interval * (2.0 * i / 200_001 - 1);
                        error = Math.Max(error, Math.Abs(kernel.Evaluate(t) * Math.Exp(-t) - 1));
                        lowest = Math.Min(lowest, kernel.EvaluateMagnitudes(t));
                    }
                    Assert.InRange(kernel.RelativeError, error - 1e-15, error * 1.001 + 1e-10);
                    Assert.InRange(kernel.NegativeReach, Math.Max(0, -lowest) - 1e-15, Math.Max(0, -lowest) * 1.001 + 1e-6);
                    Assert.InRange(kernel.MagnitudeSum, kernel.EvaluateMagnitudes(interval) - 1e-15, kernel.EvaluateMagnitudes(interval) * (1 + 1e-9) + 1e-9);
                    if (kernel.Coefficients.ToArray().All(c => c >= 0))
                        Assert.True(kernel.MagnitudeSum <= (1 + kernel.RelativeError) * Math.Exp(interval) * (1 + 1e-9));
                }
            }
        }
    }

    [Fact]
    public void Odd_taylor_reaches_below_zero_from_the_intervals_that_the_specification_names()
    {
        foreach (var (degree, interval) in new[] { (1, 1.0), (3, 1.596), (5, 2.18) })
        {
            Assert.Equal(0, KernelPolynomial.Fit(KernelMethod.Taylor, interval * 0.99, degree).NegativeReach);
            Assert.True(KernelPolynomial.Fit(KernelMethod.Taylor, interval * 1.01, degree).NegativeReach > 0);
        }
    }

    [Theory]
    [InlineData(0.01, 8)]
    [InlineData(0.25, 12)]
    [InlineData(1e-6, 3)]
    [InlineData(KernelPolynomial.SmallestInterval, 18)]
    public void Where_doubles_no_longer_resolve_the_error_the_fit_still_is_as_good_as_doubles_are(double interval, int degree) =>
        Assert.InRange(KernelPolynomial.Fit(KernelMethod.Minimax, interval, degree).RelativeError, 0, 1e-11);

    [Theory]
    [InlineData(0, 2)]
    [InlineData(double.NaN, 2)]
    [InlineData(65, 2)]
    [InlineData(9e-13, 2)]
    [InlineData(1e-300, 2)]
    [InlineData(1, 0)]
    [InlineData(1, 19)]
    public void Impossible_intervals_and_degrees_are_refused(double interval, int degree) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelPolynomial.Fit(KernelMethod.Taylor, interval, degree));

    [Fact]
    public void The_answer_error_bound_is_tight_for_signed_values()
    {
        // The worst case: weights off by 1 + e on values +1 and by 1 - e on values -1, mixed by a share p.
        const double E = 0.3;
        var worst = 0.0;
        for (var i = 1; i < 10_000; i++)
        {
            var p = i / 10_000.0;
            var exact = 2 * p - 1;
            var off = (p * (1 + E) - (1 - p) * (1 - E)) / (p * (1 + E) + (1 - p) * (1 - E));
            worst = Math.Max(worst, Math.Abs(off - exact));
        }
        var bound = 2 * (1 - Math.Sqrt(1 - E * E)) / E;
        Assert.InRange(worst, bound * (1 - 1e-6), bound * (1 + 1e-12));
        var kernel = KernelPolynomial.Fit(KernelMethod.Minimax, 2, 2);
        Assert.Equal(2 * (1 - Math.Sqrt(1 - kernel.RelativeError * kernel.RelativeError)) / kernel.RelativeError, kernel.AnswerErrorPerUnit, 1e-12);
    }

    private static double TwoDigits(double value) => double.Parse(value.ToString("E1"));
}
