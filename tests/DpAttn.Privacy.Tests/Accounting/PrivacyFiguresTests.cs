using System.Collections.Concurrent;
using System.Numerics;

namespace DpAttn.Privacy.Tests;

/// <summary>
/// Every row of ../shared/reference/privacy_figures.csv: figures of other privacy libraries and of high-precision arithmetic. A quantity stands in
/// <see cref="Checks"/> or, with the reason, in <see cref="Absent"/>; a row of any other quantity fails.
/// </summary>
public class PrivacyFiguresTests
{
    private const string File = "reference/privacy_figures.csv";

    private static readonly Dictionary<string, Action<PrivacyFigure>> Checks = new()
    {
        ["gaussian_delta"] = f => Agrees(f, GaussianCurve.DeltaFor(new Epsilon(f.Input("epsilon")), Mu(f)).Value),
        ["gaussian_epsilon"] = f => Agrees(f, GaussianCurve.EpsilonFor(Mu(f), new Delta(f.Input("delta"))).Value),
        ["analytic_gaussian_sigma"] = f => Agrees(f, Calibrated(f).Value),
        ["analytic_gaussian_variance"] = f => Agrees(f, Math.Pow(Calibrated(f).Value, 2)),
        ["gdp_tpr"] = f => Agrees(f, GaussianCurve.TruePositiveRate(new Mu(f.Input("mu")), f.Input("fpr"))),
        ["gaussian_rho"] = GaussianRho,

        // What the sampler must draw: the second implementation's exact probabilities, and the share of a million draws of the product.
        ["discrete_gaussian_pmf"] = f => Probability(f, x => x == (long)f.Input("k"), exact => exact.Pmf((int)f.Input("k"))),
        ["discrete_gaussian_upper_tail"] = f => Probability(f, x => x >= 10, exact => exact.Probability(10, exact.Support)),
        ["discrete_gaussian_cdf"] = DiscreteCdf,
        ["discrete_gaussian_std"] = f => Agrees(f, Math.Sqrt(Discrete(f).Moment(2, Bound(f)))),
        ["discrete_gaussian_variance"] = f => Moment(f, 2),
        ["discrete_gaussian_fourth_moment"] = f => Moment(f, 4),
        ["accuracy_to_discrete_gaussian_scale"] = DiscreteAccuracy,

        // The discrete Gaussian's own curve: what the product promises instead, the Gaussian's plus the slack, must cover it.
        ["discrete_gaussian_delta"] = DiscreteDelta,
        ["composed_discrete_gaussian_epsilon"] = f => Agrees(f, GaussianCurve.EpsilonFor(Composed(f), new Delta(f.Input("delta"))).Value),

        // Zero-concentrated DP, which the product has not: its conversion is a bound on the same Gaussian noise, so the exact curve is inside it.
        ["zcdp_to_delta"] = f => IsInside(f, GaussianCurve.DeltaFor(new Epsilon(f.Input("epsilon")), OfRho(f.Input("rho"))).Value, leastShare: 0.1),
        ["zcdp_to_epsilon"] = f => IsInside(f, GaussianCurve.EpsilonFor(OfRho(f.Input("rho")), new Delta(f.Input("delta"))).Value, leastShare: 0.9),
        ["composed_zcdp_epsilon"] = f => IsInside(f, GaussianCurve.EpsilonFor(Composed(f), new Delta(f.Input("delta"))).Value, leastShare: 0.9),
        ["zcdp_rho_for_epsilon"] = f =>
        {
            var rho = Math.Pow(GaussianCurve.MuFor(new Epsilon(f.Input("epsilon")), new Delta(f.Input("delta"))).Value, 2) / 2;
            Assert.InRange(rho, f.Number, f.Number * 1.3);
        },
    };

    private static readonly Dictionary<string, string> Absent = new()
    {
        ["laplace_delta"] = "no Laplace mechanism: all noise is Gaussian",
        ["discrete_laplace_delta"] = "no Laplace mechanism: all noise is Gaussian",
        ["discrete_laplace_variance"] = "the sampler proposes from a discrete Laplace whose scale is an integer of its own choice; it releases none",
        ["discrete_laplace_pmf0"] = "the sampler proposes from a discrete Laplace whose scale is an integer of its own choice; it releases none",
        ["smallest_laplace_scale"] = "no Laplace mechanism: all noise is Gaussian",
        ["pure_dp_composition"] = "no pure DP: amounts are mu squared",
        ["advanced_composition_epsilon"] = "epsilons are never added, nor composed by a theorem about them: mu squared adds exactly",
        ["advanced_composition_epsilon_inverse"] = "epsilons are never added, nor composed by a theorem about them: mu squared adds exactly",
        ["pld_composition_delta"] = "no privacy loss distributions: as a live stop rule they are invalid under adaptive queries",
        ["discrete_gaussian_sigma"] = "noise is calibrated by the Gaussian curve, with the distance of the discrete noise as slack",
        ["rdp_gaussian"] = "no Renyi DP",
        ["rdp_exponential_mechanism"] = "no Renyi DP, and no exponential mechanism",
        ["rdp_accountant_epsilon"] = "no Renyi DP, and no subsampling",
    };

    private static readonly ConcurrentDictionary<string, Lazy<long[]>> Draws = new();

    public static TheoryData<string> Rows => SharedFiles.Find(File) is { } path ? new(System.IO.File.ReadLines(path).Skip(1)) : new("");

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_product_agrees_with_the_figure(string row)
    {
        Assert.SkipWhen(row.Length == 0, $"../shared/{File} is absent");
        Check(PrivacyFigure.Parse(row));
    }

    [Fact]
    public void Every_quantity_is_either_checked_or_known_to_be_absent_and_none_is_both()
    {
        Assert.Empty(Checks.Keys.Intersect(Absent.Keys));
        if (SharedFiles.Find(File) is not { } path)
        {
            Assert.Skip($"../shared/{File} is absent");
            return;
        }
        var rows = System.IO.File.ReadLines(path).Skip(1).Select(PrivacyFigure.Parse).ToArray();
        Assert.Equal(Checks.Keys.Concat(Absent.Keys).Order(), rows.Select(row => row.Quantity).Distinct().Order());
        Assert.True(rows.Count(row => Checks.ContainsKey(row.Quantity)) > 45, "most rows are checked");
    }

    [Fact]
    public void A_row_of_an_unknown_quantity_and_a_figure_that_is_off_both_fail()
    {
        Assert.ThrowsAny<Exception>(() => Check(PrivacyFigure.Parse("renyi_of_something,alpha=2,1,1e-9,nowhere")));
        Check(PrivacyFigure.Parse("gaussian_epsilon,sigma=5;l2_sensitivity=1;delta=1e-6,0.834117548624052,rel 1e-9,a row of the file"));
        Assert.ThrowsAny<Exception>(() => Check(PrivacyFigure.Parse("gaussian_epsilon,sigma=5;l2_sensitivity=1;delta=1e-6,0.834117551,rel 1e-9,that row with a later digit changed")));
        Assert.ThrowsAny<Exception>(() => Check(PrivacyFigure.Parse("discrete_gaussian_pmf,sigma=2;k=0,0.19947114020072,rel 1e-14,a digit changed")));
        Assert.Throws<FormatException>(() => PrivacyFigure.Parse("gaussian_delta,too,few"));
    }

    private static void Check(PrivacyFigure figure)
    {
        if (Checks.TryGetValue(figure.Quantity, out var check))
            check(figure);
        else
            Assert.True(Absent.ContainsKey(figure.Quantity), $"{figure} is neither checked nor known to be absent");
    }

    private static void Agrees(PrivacyFigure figure, double actual) => Assert.True(figure.Agrees(actual), $"{figure}; got {actual:R}");

    private static void IsInside(PrivacyFigure figure, double actual, double leastShare) =>
        Assert.True(actual <= figure.Number && actual > leastShare * figure.Number, $"{figure}; the exact curve gives {actual:R}");

    private static Mu Mu(PrivacyFigure f) => GaussianCurve.MuOf(new Sensitivity(f.Input("l2_sensitivity", "l2")), new Sigma(f.Input("sigma")));

    private static Mu OfRho(double rho) => new(Math.Sqrt(2 * rho));

    private static Mu Composed(PrivacyFigure f)
    {
        var queries = int.Parse(f.Inputs.Split(' ')[0]);
        return GaussianCurve.Compose(Enumerable.Repeat(GaussianCurve.MuOf(new Sensitivity(f.Input("sens")), new Sigma(f.Input("sigma"))), queries));
    }

    private static Sigma Calibrated(PrivacyFigure f) =>
        GaussianCurve.SigmaFor(new Sensitivity(f.Input("l2_sensitivity")), new Epsilon(f.Input("epsilon")), new Delta(f.Input("delta")));

    /// <summary>rho = mu^2/2 of the ledger's own charge, exactly; and what is refused there is refused here.</summary>
    private static void GaussianRho(PrivacyFigure f)
    {
        if (f.Expected != "error")
        {
            Agrees(f, NoiseLadder.MuSquaredUnits((BigInteger)f.Input("sensitivity"), (BigInteger)Math.Pow(f.Input("sigma"), 2)) * Math.ScaleB(1, -PrivacyAmount.MuSquaredBits) / 2);
            return;
        }
        foreach (var bad in new[] { -1, double.NaN, double.PositiveInfinity })
            Assert.Throws<ArgumentOutOfRangeException>(() => new Sensitivity(bad));
        Assert.Throws<ArgumentOutOfRangeException>(() => NoiseLadder.MuSquaredUnits(-1, 1));
    }

    private static Exact Variance(PrivacyFigure f) => f.ExactInput("sigma") * f.ExactInput("sigma");

    private static ExactDiscreteGaussian Discrete(PrivacyFigure f) => new(Variance(f).Numerator, Variance(f).Denominator);

    /// <summary>The bound of a support truncated to [-b, b].</summary>
    private static int Bound(PrivacyFigure f) => f.States("[-1,1]") ? 1 : f.States("[-2,2]") ? 2 : throw new FormatException($"no bound in {f.Inputs}");

    private static void Probability(PrivacyFigure f, Func<long, bool> happens, Func<ExactDiscreteGaussian, double> exact)
    {
        var p = exact(Discrete(f));
        Agrees(f, p);
        // Six binomial deviations, and a few events where they are rare: a false alarm is rarer than 1e-8, and the draws are keyed.
        var draws = Sampled(f);
        Assert.InRange(draws.Count(happens), draws.Length * p - 6 * Math.Sqrt(draws.Length * p) - 1, draws.Length * p + 6 * Math.Sqrt(draws.Length * p) + 10);
    }

    private static void DiscreteCdf(PrivacyFigure f)
    {
        int bound = Bound(f), x = (int)f.Input("x");
        var p = Discrete(f).TruncatedCdf(x, bound);
        Agrees(f, p);
        var inside = Sampled(f).Where(draw => Math.Abs(draw) <= bound).ToArray();
        Assert.InRange(inside.Count(draw => draw <= x) / (double)inside.Length, p - 3 / Math.Sqrt(inside.Length), p + 3 / Math.Sqrt(inside.Length));
    }

    private static void Moment(PrivacyFigure f, int power)
    {
        var exact = Discrete(f);
        var moment = exact.Moment(power);
        Agrees(f, moment);
        var draws = Sampled(f);
        var deviation = Math.Sqrt((exact.Moment(2 * power) - moment * moment) / draws.Length);
        Assert.InRange(draws.Average(x => Math.Pow(x, power)), moment - 6 * deviation, moment + 6 * deviation);
    }

    /// <summary>P(|X| at least accuracy) = alpha at the expected scale.</summary>
    private static void DiscreteAccuracy(PrivacyFigure f)
    {
        var scale = Exact.Parse(f.Expected);
        var exact = new ExactDiscreteGaussian((scale * scale).Numerator, (scale * scale).Denominator);
        var accuracy = (int)f.Input("accuracy");
        Assert.Equal(f.Input("alpha"), 2 * exact.Probability(accuracy, exact.Support), 1e-11);
    }

    private static void DiscreteDelta(PrivacyFigure f)
    {
        var epsilon = f.ExactInput("epsilon");
        var discrete = Discrete(f).Delta((int)f.Input("sensitivity"), epsilon.Numerator, epsilon.Denominator);
        Agrees(f, discrete);
        var gaussian = GaussianCurve.DeltaFor(new Epsilon(f.Input("epsilon")), GaussianCurve.MuOf(new Sensitivity(f.Input("sensitivity")), new Sigma(f.Input("sigma")))).Value;
        var slack = 1 / (33 * Math.Pow(f.Input("sigma"), 2));
        Assert.InRange(discrete, gaussian - (1 + Math.Exp(f.Input("epsilon"))) * slack, gaussian + (1 + Math.Exp(f.Input("epsilon"))) * slack);
    }

    private static long[] Sampled(PrivacyFigure f)
    {
        var variance = Variance(f);
        return Draws.GetOrAdd($"{variance}", _ => new(() =>
        {
            using var words = new KeyStream(SamplerTests.Key(33));
            var sampler = new DiscreteGaussianSampler((UInt128)variance.Numerator, (UInt128)variance.Denominator);
            var draws = new long[1_000_000];
            foreach (ref var draw in draws.AsSpan())
                draw = sampler.Draw(words);
            return draws;
        })).Value;
    }
}
