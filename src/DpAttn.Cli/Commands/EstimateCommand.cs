using System.CommandLine;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Cli.Output;
using DpAttn.Privacy;
using Spectre.Console;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn estimate: error at an epsilon and epsilon for an error, from public figures alone.</summary>
internal static class EstimateCommand
{
    private static readonly double[] DefaultEpsilons = [0.1, 0.25, 0.5, 1, 2, 4, 8];

    public static Command Create(TextWriter output)
    {
        var rows = NumberOption.Required<long>("--rows", "n: how many rows the store will hold; under add-remove the public count of its slots");
        var keyDimension = NumberOption.Required<int>("--key-dimension", "d");
        var valueDimension = NumberOption.Required<int>("--value-dimension", "dv");
        var epsilons = NumberOption.Several("--epsilon", $"epsilons to estimate the error at; default: {string.Join(' ', DefaultEpsilons)}");
        var error = NumberOption.Optional("--error", "a noise deviation to find the epsilon for");
        var delta = NumberOption.WithDefault("--delta", "delta", 1e-6);
        var schema = new SchemaOptions();
        var format = new OutputOption();
        var command = new Command("estimate", "Error at an epsilon, or epsilon for an error, before anything is spent; uses no rows and costs nothing")
        {
            rows, keyDimension, valueDimension, epsilons, error, delta,
        };
        format.AddTo(command);
        schema.AddTo(command);
        command.SetAction(parsed =>
        {
            parsed.RequireAtLeastOne(keyDimension, valueDimension);
            var parameters = schema.Read(parsed, parsed.GetValue(keyDimension), parsed.GetValue(valueDimension), parsed.GetValue(rows), madeRadius: null);
            var at = Delta.Claimed(parsed.GetValue(delta));
            var stated = parsed.GetValue(epsilons) ?? [];
            if (stated.Length > 0 && parsed.GetValue(error) is not null)
                throw new ArgumentException("state --epsilon or --error, not both");
            ErrorEstimate[] estimates = parsed.GetValue(error) is { } target
                ? [MomentEstimator.EpsilonFor(parameters, parsed.GetValue(rows), target, at)]
                : [.. (stated.Length > 0 ? stated : DefaultEpsilons).Select(e => MomentEstimator.ErrorAt(parameters, parsed.GetValue(rows), Epsilon.Budget(e), at))];
            foreach (var estimate in estimates)
                RequireAffordable(parameters, estimate);
            if (format.Read(parsed) == OutputFormat.Json)
                WriteJson(output, parameters, parsed.GetValue(rows), estimates);
            else
                WriteTable(output, parameters, parsed.GetValue(rows), at, estimates);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>No promise of what no limit could pay for: a limit of the same epsilon has to have room for the release's slack.</summary>
    private static void RequireAffordable(MomentParameters parameters, ErrorEstimate estimate)
    {
        if (estimate.Epsilon.Value == 0)
            throw new ArgumentException("--error is so large that delta alone covers it; any epsilon meets it");
        var cost = MomentRelease.Calibrate(parameters, [estimate.Epsilon], estimate.Delta).Tiers[0].Cost;
        if (cost.Slack > new PrivacyLimit(estimate.Epsilon, estimate.Delta).Amount.Slack)
            throw new ArgumentException($"a limit of epsilon {Numbers.Short(estimate.Epsilon.Value)} at delta {Numbers.Short(estimate.Delta.Value)} has no room for the slack of this release's discrete noise; state a smaller epsilon or a larger delta");
    }

    private static void WriteJson(TextWriter output, MomentParameters parameters, long rows, ErrorEstimate[] estimates) =>
        output.WriteLine(JsonSerializer.Serialize(
            new
            {
                Mechanism = MomentRelease.Mechanism,
                Rows = rows,
                KeyDimension = parameters.Schema.KeyDimension,
                ValueDimension = parameters.Schema.ValueDimension,
                parameters.Features,
                Adjacency = SchemaOptions.Name(parameters.Schema.Adjacency),
                Estimates = estimates.Select(e => new
                {
                    Epsilon = e.Epsilon.Value,
                    Delta = e.Delta.Value,
                    e.TypicalNoise,
                    e.WorstNoise,
                    e.KernelErrorBound,
                }),
            },
            Numbers.Json));

    private static void WriteTable(TextWriter output, MomentParameters parameters, long rows, Delta delta, ErrorEstimate[] estimates)
    {
        var table = Tables.Grid("epsilon", "typical noise", "worst noise", "kernel error at most");
        var heading = $"{Numbers.Count(rows)} rows, {parameters.Schema.KeyDimension} + {parameters.Schema.ValueDimension} dimensions, {Numbers.Count(parameters.Features)} features, delta {Numbers.Short(delta.Value)}, {SchemaOptions.Name(parameters.Schema.Adjacency)}";
        foreach (var e in estimates)
            table.AddRow(Numbers.Short(e.Epsilon.Value), Numbers.Short(e.TypicalNoise), double.IsFinite(e.WorstNoise) ? Numbers.Short(e.WorstNoise) : "no bound", Numbers.Short(e.KernelErrorBound));
        Tables.Write(output, heading, table);
        if (estimates.Length > 1)
        {
            var curve = Curve(parameters, rows, delta, estimates);
            output.WriteLine();
            output.Write(TerminalPlot.Draw(
                "epsilon", "error of an output coordinate",
                ('-', "kernel error bound", [.. curve.Select(p => (p.X, estimates[0].KernelErrorBound))]),
                ('*', "typical noise", curve)));
        }
    }

    private static IReadOnlyList<(double X, double Y)> Curve(MomentParameters parameters, long rows, Delta delta, ErrorEstimate[] estimates)
    {
        double low = Math.Log(estimates.Min(e => e.Epsilon.Value)), high = Math.Log(estimates.Max(e => e.Epsilon.Value));
        return [.. Enumerable.Range(0, TerminalPlot.Width).Select(i =>
        {
            var epsilon = Epsilon.Budget(Math.Min(Epsilon.LargestBudget, Math.Exp(low + (high - low) * i / (TerminalPlot.Width - 1))));
            return (epsilon.Value, MomentEstimator.ErrorAt(parameters, rows, epsilon, delta).TypicalNoise);
        })];
    }
}
