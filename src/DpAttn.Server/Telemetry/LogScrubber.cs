using DpAttn.Cluster;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace DpAttn.Server.Telemetry;

/// <summary>
/// Lets nothing of a line out that others have filled in: of our own categories the text, of others its template only, and of exceptions types and stacks, as in the log on the machine
/// (<see cref="Failures"/>). It runs before the exporter.
/// </summary>
internal sealed class LogScrubber : BaseProcessor<LogRecord>
{
    private const string Own = "DpAttn.";
    private const string Template = "{OriginalFormat}";

    public override void OnEnd(LogRecord data)
    {
        List<KeyValuePair<string, object?>> kept = [];
        if (data.Exception is { } exception)
        {
            kept.Add(new("exception.type", exception.GetType().FullName));
            kept.Add(new("exception.stacktrace", Failures.Describe(exception)));
            data.Exception = null;
        }
        if (data.CategoryName?.StartsWith(Own, StringComparison.Ordinal) == true)
        {
            kept.AddRange(data.Attributes ?? []);
        }
        else
        {
            data.FormattedMessage = null;
            data.Body = data.Attributes?.LastOrDefault(attribute => attribute.Key == Template).Value as string ?? "";
        }
        data.Attributes = kept;
    }
}
