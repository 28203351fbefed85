namespace DpAttn.Server.Tests.Telemetry;

/// <summary>A span as it was sent.</summary>
/// <param name="Trace">Its trace.</param>
/// <param name="Id">Its id.</param>
/// <param name="Parent">The id of what it is part of.</param>
/// <param name="Name">Its name.</param>
internal sealed record ExportedSpan(string Trace, string Id, string Parent, string Name)
{
    /// <summary>The spans of an export (ExportTraceServiceRequest).</summary>
    public static IEnumerable<ExportedSpan> Of(byte[] export) =>
        from resource in Proto.Parse(export)[1]
        from scope in resource[2]
        from span in scope[2]
        select new ExportedSpan(
            Convert.ToHexString(span.Bytes(1)), Convert.ToHexString(span.Bytes(2)), span.Has(4) ? Convert.ToHexString(span.Bytes(4)) : "", span.Text(5));
}
