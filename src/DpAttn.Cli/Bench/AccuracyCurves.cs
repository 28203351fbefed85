namespace DpAttn.Cli.Bench;

/// <summary>The results of a workload that differ from its base point in one number alone, as curves against that number.</summary>
internal sealed record AccuracyCurves(string Workload, string Axis, IReadOnlyList<AccuracyCurves.Curve> Curves, double SignalRms)
{
    /// <summary>One mechanism's results and where they stand on the axis.</summary>
    internal sealed record Curve(string Label, IReadOnlyList<(double X, AccuracyResult Result)> Points);

    /// <summary>Curves against n, epsilon and d, each where it has more than one point; where none has, against epsilon.</summary>
    public static IReadOnlyList<AccuracyCurves> Of(IReadOnlyList<AccuracyResult> results) =>
        [.. results.GroupBy(result => result.Workload).SelectMany(workload => OfWorkload(workload.Key, [.. workload]))];

    private static IEnumerable<AccuracyCurves> OfWorkload(string workload, AccuracyResult[] results)
    {
        var first = results[0];
        var all = new[]
        {
            Along("rows", r => r.Rows, r => r.Epsilon == first.Epsilon && r.KeyDimension == first.KeyDimension),
            Along("epsilon", r => r.Epsilon, r => r.Rows == first.Rows && r.KeyDimension == first.KeyDimension),
            Along("key dimension", r => r.KeyDimension, r => r.Rows == first.Rows && r.Epsilon == first.Epsilon),
        };
        var several = all.Where(curves => curves.Curves.Any(curve => curve.Points.Count > 1)).ToArray();
        return several.Length > 0 ? several : [all[1]];

        AccuracyCurves Along(string axis, Func<AccuracyResult, double> x, Func<AccuracyResult, bool> isOn) => new(
            workload, axis,
            [.. results.Where(isOn).GroupBy(r => r.Label).Select(mechanism => new Curve(mechanism.Key, [.. mechanism.Select(r => (x(r), r)).OrderBy(point => point.Item1)]))],
            first.SignalRms);
    }
}
