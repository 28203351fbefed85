using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Output;
using DpAttn.Privacy;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn calc: the accountant as a pocket calculator.</summary>
internal static class CalcCommand
{
    public static Command Create(TextWriter output)
    {
        var epsilon = new Option<double?>("--epsilon") { Description = "epsilon" };
        var delta = new Option<double?>("--delta") { Description = "delta, in (0, 1)" };
        var mu = new Option<double?>("--mu") { Description = "mu of Gaussian differential privacy" };
        var sigma = new Option<double?>("--sigma") { Description = "standard deviation of Gaussian noise" };
        var sensitivity = new Option<double>("--sensitivity") { Description = "l2 sensitivity that --sigma is the noise of", DefaultValueFactory = _ => 1 };
        var compose = new Option<double[]>("--compose") { Description = "several mu, composed", AllowMultipleArgumentsPerToken = true };
        var format = OutputOption.Create();
        var command = new Command("calc", "Convert exactly between epsilon, delta, mu and sigma; every figure is rounded against the spender")
        {
            epsilon, delta, mu, sigma, sensitivity, compose, format,
        };
        command.SetAction(parsed =>
        {
            var figures = Calculate(
                parsed.GetValue(epsilon), parsed.GetValue(delta), parsed.GetValue(mu), parsed.GetValue(sigma),
                new Sensitivity(parsed.GetValue(sensitivity)), parsed.GetValue(compose) ?? []);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                output.WriteLine(JsonSerializer.Serialize(figures, Numbers.Json));
            }
            else
            {
                Tables.ConsoleFor(output).Write("Gaussian differential privacy", Tables.Pairs(
                    ("epsilon", figures.Epsilon.ToString("G15")),
                    ("delta", figures.Delta.ToString("G15")),
                    ("mu", figures.Mu.ToString("G15")),
                    ("sigma", $"{figures.Sigma:G15} for sensitivity {parsed.GetValue(sensitivity):G6}")));
            }
            return ExitCode.Done;
        });
        return command;
    }

    internal sealed record Figures(double Epsilon, double Delta, double Mu, double Sigma);

    private static Figures Calculate(double? epsilon, double? delta, double? mu, double? sigma, Sensitivity sensitivity, double[] compose)
    {
        var sources = (mu is null ? 0 : 1) + (sigma is null ? 0 : 1) + (compose.Length == 0 ? 0 : 1);
        if (sources > 1)
            throw new ArgumentException("state one of --mu, --sigma and --compose");
        if (sources == 0)
        {
            if (epsilon is not { } e || delta is not { } d)
                throw new ArgumentException("state --epsilon and --delta, or --mu, --sigma or --compose with one of them");
            var allowed = GaussianCurve.MuFor(Epsilon.Budget(e), new Delta(d));
            return new Figures(e, d, allowed.Value, Math.BitIncrement(sensitivity.Value / allowed.Value));
        }
        if (epsilon is null == delta is null)
            throw new ArgumentException("state exactly one of --epsilon and --delta; the other is calculated");
        var total = mu is { } m ? new Mu(m)
            : sigma is { } s ? GaussianCurve.MuOf(sensitivity, new Sigma(s))
            : GaussianCurve.Compose(compose.Select(part => new Mu(part)));
        if (total.Value == 0)
            throw new ArgumentException("mu must be above 0");
        var deviation = sigma ?? sensitivity.Value / total.Value;
        return delta is { } at
            ? new Figures(GaussianCurve.EpsilonFor(total, new Delta(at)).Value, at, total.Value, deviation)
            : new Figures(epsilon!.Value, GaussianCurve.DeltaFor(new Epsilon(epsilon.Value), total).Value, total.Value, deviation);
    }
}
