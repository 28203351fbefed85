using System.Collections.Frozen;
using System.Diagnostics;
using OpenTelemetry;

namespace DpAttn.Server.Telemetry;

/// <summary>
/// Lets nothing of a span out but what is known to be harmless: paths hold what callers type, grain keys hold ids of accounts, and exceptions quote what they choked on. It runs before the exporter.
/// </summary>
internal sealed class SpanScrubber : BaseProcessor<Activity>
{
    /// <summary>The tags that may leave.</summary>
    public static FrozenSet<string> Tags { get; } = FrozenSet.ToFrozenSet(
        [
            "http.request.method", "http.response.status_code", "http.route", "url.scheme", "network.protocol.version",
            "rpc.system", "rpc.system.name", "rpc.service", "rpc.method", "orleans.rpc.service", "error.type",
            "dpattn.mechanism", "dpattn.operation", "dpattn.fanout.purpose", "dpattn.blob.kind",
        ],
        StringComparer.Ordinal);

    public override void OnEnd(Activity data)
    {
        foreach (var (name, _) in data.TagObjects.ToArray())
        {
            if (!Tags.Contains(name))
                data.SetTag(name, null);
        }
        // What happened during a span cannot be taken out of it, so such a span stays here; ours have no events.
        if (data.Events.Any() || data.Links.Any())
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        // A caller may write into it what it likes. Empty and not null: null would stand for the parent's, which may be under way.
        data.TraceStateString = "";
        data.SetStatus(data.Status);
    }
}
