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
        var epsilon = NumberOption.Optional("--epsilon", "epsilon, in (0, 200]");
        var delta = NumberOption.Optional("--delta", "delta, in (0, 1)");
        var mu = NumberOption.Optional("--mu", "mu of Gaussian differential privacy");
        var sigma = NumberOption.Optional("--sigma", "standard deviation of Gaussian noise");
        var sensitivity = NumberOption.WithDefault("--sensitivity", "l2 sensitivity that sigma is the noise of", 1.0);
        var compose = NumberOption.Several("--compose", "several mu, composed: the root of the sum of their squares");
        var format = new OutputOption();
        var command = new Command("calc", "Convert exactly between epsilon, delta, mu and sigma; every figure is rounded against the spender")
        {
            epsilon, delta, mu, sigma, sensitivity, compose,
        };
        format.AddTo(command);
        command.SetAction(parsed =>
        {
            var figures = Calculate(
                parsed.GetValue(epsilon) is { } e ? Epsilon.Budget(e) : null,
                parsed.GetValue(delta) is { } d ? new Delta(d) : null,
                parsed.GetValue(mu), parsed.GetValue(sigma),
                new Sensitivity(parsed.GetValue(sensitivity)), parsed.GetValue(compose) ?? []);
            if (format.Read(parsed) == OutputFormat.Json)
            {
                output.WriteLine(JsonSerializer.Serialize(figures, Numbers.Json));
            }
            else
            {
                Tables.Write(output, "Gaussian differential privacy", Tables.Pairs(
                    ("epsilon", Numbers.Long(figures.Epsilon)),
                    ("delta", Numbers.Long(figures.Delta)),
                    ("mu", Numbers.Long(figures.Mu)),
                    ("sigma", $"{Numbers.Long(figures.Sigma)} for sensitivity {Numbers.Long(parsed.GetValue(sensitivity))}")));
            }
            return ExitCode.Done;
        });
        return command;
    }

    internal sealed record Figures(double Epsilon, double Delta, double Mu, double Sigma);

    private static Figures Calculate(Epsilon? epsilon, Delta? delta, double? mu, double? sigma, Sensitivity sensitivity, double[] compose)
    {
        var sources = (mu is null ? 0 : 1) + (sigma is null ? 0 : 1) + (compose.Length == 0 ? 0 : 1);
        if (sources > 1)
            throw new ArgumentException("state one of --mu, --sigma and --compose");
        if (sources == 0)
        {
            if (epsilon is not { } e || delta is not { } d)
                throw new ArgumentException("state --epsilon and --delta, or one of them with --mu, --sigma or --compose");
            return new Figures(e.Value, d.Value, GaussianCurve.MuFor(e, d).Value, GaussianCurve.SigmaFor(sensitivity, e, d).Value);
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
            ? new Figures(GaussianCurve.EpsilonFor(total, at).Value, at.Value, total.Value, deviation)
            : new Figures(epsilon!.Value.Value, GaussianCurve.DeltaFor(epsilon.Value, total).Value, total.Value, deviation);
    }
}
