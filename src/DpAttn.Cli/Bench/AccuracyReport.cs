using DpAttn.Cli.Output;
using Spectre.Console;

namespace DpAttn.Cli.Bench;

/// <summary>The tables and terminal plots of a measurement.</summary>
internal static class AccuracyReport
{
    private const string Marks = "mjpqv";

    public static void Write(TextWriter output, IReadOnlyList<AccuracyResult> results, BenchSettings settings)
    {
        output.WriteLine($"Error against exact attention: root mean square over {settings.Draws} noise draws, queries and columns; delta {Numbers.Short(settings.Delta.Value)}, degree {settings.Degree}.");
        output.WriteLine("Low and high: 95 % of the draws. Signal: exact attention minus the mean value; what errs as much has found nothing. Per-query asks all queries in one request.");
        output.WriteLine("Figures that compare with exact attention are taken from the rows themselves: they are for the owner, not private. Exact and paper are not private at all.");
        foreach (var workload in results.GroupBy(result => result.Workload))
        {
            output.WriteLine();
            WriteTable(output, workload.Key, [.. workload]);
        }
        foreach (var curves in AccuracyCurves.Of(results).Where(curves => curves.Curves.Any(curve => curve.Points.Count > 1)))
        {
            output.WriteLine();
            output.Write(Plot(curves));
        }
    }

    private static void WriteTable(TextWriter output, string workload, AccuracyResult[] results)
    {
        var table = Tables.Grid("", "rows", "d", "dv", "epsilon", "rmse", "low", "high", "signal", "query us");
        foreach (var r in results)
        {
            table.AddRow(
                r.Label, Numbers.Count(r.Rows), $"{r.KeyDimension}", $"{r.ValueDimension}", Numbers.Short(r.Epsilon), r.Refused is null ? Short(r.Rmse) : "refused",
                Short(r.RmseLow), Short(r.RmseHigh), Numbers.Short(r.SignalRms), r.QueryMicrosMedian is { } micros ? Numbers.Short(micros) : "");
        }
        var description = MadeWorkload.All.FirstOrDefault(made => made.Name == workload)?.Description;
        Tables.Write(output, description is null ? workload : $"{workload}: {description}", table);
        foreach (var refusal in results.Where(r => r.Refused is not null).GroupBy(r => (r.Label, r.Refused)))
            output.WriteLine($"  {refusal.Key.Label} refused{Where(results, [.. refusal])}: {refusal.Key.Refused}");
    }

    /// <summary>Where a reason holds, unless it is everywhere.</summary>
    private static string Where(AccuracyResult[] results, AccuracyResult[] refused) => results.Count(r => r.Label == refused[0].Label) == refused.Length
        ? ""
        : " at " + string.Join("; ", refused.Select(r => $"{Numbers.Count(r.Rows)} rows, d {r.KeyDimension}, epsilon {Numbers.Short(r.Epsilon)}"));

    private static string Short(double? number) => number is { } some ? Numbers.Short(some) : "";

    /// <summary>Exact attention has no error, and so no place on a logarithmic axis.</summary>
    private static string Plot(AccuracyCurves curves)
    {
        var signal = curves.Curves[0].Points.Select(point => (point.X, point.Result.SignalRms));
        var drawn = curves.Curves.Where(curve => curve.Points.Any(point => point.Result.Rmse > 0)).ToArray();
        return TerminalPlot.Draw(curves.Axis, $"{curves.Workload}: error", apart: true, [
            ('-', "signal", [.. signal]),
            .. drawn.Select(curve => (Mark(curve.Label), curve.Label, (IReadOnlyList<(double, double)>)[.. curve.Points.Where(point => point.Result.Rmse is not null).Select(point => (point.X, point.Result.Rmse!.Value))])),
        ]);
    }

    private static char Mark(string label) => Marks[label switch
    {
        "moment-tree" => 0,
        "distance-tree joint" => 1,
        "distance-tree paper" => 2,
        "per-query" => 3,
        _ => 4,
    }];
}
