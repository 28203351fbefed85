namespace DpAttn.Server.Tests.Telemetry;

/// <summary>A metric as it was sent.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Kind">gauge, sum, or histogram.</param>
/// <param name="Labels">The labels of its points.</param>
/// <param name="Bounds">A histogram's bounds.</param>
internal sealed record ExportedMetric(string Name, string Unit, string Kind, string[] Labels, double[] Bounds)
{
    /// <summary>The metrics of an export (ExportMetricsServiceRequest).</summary>
    public static IEnumerable<ExportedMetric> Of(byte[] export) =>
        from resource in Proto.Parse(export)[1]
        from scope in resource[2]
        from metric in scope[2]
        let field = metric.Has(5) ? 5 : metric.Has(7) ? 7 : 9
        from data in metric[field]
        from point in data[1]
        select new ExportedMetric(
            metric.Text(1),
            metric.Has(3) ? metric.Text(3) : "",
            field == 5 ? "gauge" : field == 7 ? "sum" : "histogram",
            [.. point[field == 9 ? 9 : 7].Select(label => label.Text(1))],
            field == 9 ? point.Doubles(7) : []);
}
