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
        var rows = new Option<long>("--rows") { Description = "n: how many rows the store will hold", Required = true };
        var keyDimension = new Option<int>("--key-dimension") { Description = "d", Required = true };
        var valueDimension = new Option<int>("--value-dimension") { Description = "dv", Required = true };
        var epsilons = new Option<double[]>("--epsilon") { Description = "epsilons to estimate the error at", AllowMultipleArgumentsPerToken = true };
        var error = new Option<double?>("--error") { Description = "a noise deviation to find the epsilon for" };
        var delta = new Option<double>("--delta") { Description = "delta", DefaultValueFactory = _ => 1e-6 };
        var schema = new SchemaOptions();
        var format = OutputOption.Create();
        var command = new Command("estimate", "Error at an epsilon, or epsilon for an error, before anything is spent; uses no rows and costs nothing")
        {
            rows, keyDimension, valueDimension, epsilons, error, delta, format,
        };
        schema.AddTo(command);
        command.SetAction(parsed =>
        {
            var parameters = schema.Read(parsed, parsed.GetValue(keyDimension), parsed.GetValue(valueDimension), parsed.GetValue(rows), statedRadius: null);
            var at = Delta.Claimed(parsed.GetValue(delta));
            var stated = parsed.GetValue(epsilons) ?? [];
            if (stated.Length > 0 && parsed.GetValue(error) is not null)
                throw new ArgumentException("state --epsilon or --error, not both");
            ErrorEstimate[] estimates = parsed.GetValue(error) is { } target
                ? [MomentEstimator.EpsilonFor(parameters, parsed.GetValue(rows), target, at)]
                : [.. (stated.Length > 0 ? stated : DefaultEpsilons).Select(e => MomentEstimator.ErrorAt(parameters, parsed.GetValue(rows), Epsilon.Budget(e), at))];
            if (parsed.GetValue(format) == OutputFormat.Json)
                WriteJson(output, parameters, parsed.GetValue(rows), estimates);
            else
                WriteTable(output, parameters, parsed.GetValue(rows), at, estimates);
            return ExitCode.Done;
        });
        return command;
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
        var console = Tables.ConsoleFor(output);
        var table = Tables.Grid("epsilon", "typical noise", "worst noise", "kernel error at most");
        var heading = $"{Numbers.Count(rows)} rows, {parameters.Schema.KeyDimension} + {parameters.Schema.ValueDimension} dimensions, {Numbers.Count(parameters.Features)} features, delta {Numbers.Short(delta.Value)}, {SchemaOptions.Name(parameters.Schema.Adjacency)}";
        foreach (var e in estimates)
            table.AddRow(Numbers.Short(e.Epsilon.Value), Numbers.Short(e.TypicalNoise), double.IsFinite(e.WorstNoise) ? Numbers.Short(e.WorstNoise) : "no bound", Numbers.Short(e.KernelErrorBound));
        console.Write(heading, table);
        if (estimates.Length > 1)
        {
            output.Write(TerminalPlot.Draw(
                "epsilon", "error of an output coordinate",
                ('*', "typical noise", Curve(parameters, rows, delta, estimates)),
                ('-', "kernel error bound", [.. Curve(parameters, rows, delta, estimates).Select(p => (p.X, estimates[0].KernelErrorBound))])));
        }
    }

    private static IReadOnlyList<(double X, double Y)> Curve(MomentParameters parameters, long rows, Delta delta, ErrorEstimate[] estimates)
    {
        double low = Math.Log(estimates.Min(e => e.Epsilon.Value)), high = Math.Log(estimates.Max(e => e.Epsilon.Value));
        return [.. Enumerable.Range(0, 33).Select(i =>
        {
            var epsilon = Epsilon.Budget(Math.Min(Epsilon.LargestBudget, Math.Exp(low + (high - low) * i / 32)));
            return (epsilon.Value, MomentEstimator.ErrorAt(parameters, rows, epsilon, delta).TypicalNoise);
        })];
    }
}
