using System.Collections.Frozen;
using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;

namespace DpAttn.Server.Telemetry;

/// <summary>
/// The metrics that leave this process, each with the labels that it may carry. What is not here is not exported: a library that measures more, or labels with a name or an address, changes nothing.
/// </summary>
internal static class ExportedMetrics
{
    /// <summary>Meters that are listened to.</summary>
    public static IReadOnlyList<string> Meters { get; } = [ServerInstruments.Name, "Microsoft.AspNetCore.Hosting", "System.Runtime"];

    /// <summary>Names and their labels.</summary>
    public static IReadOnlyDictionary<string, string[]> All { get; } = new Dictionary<string, string[]>
    {
        ["dpattn.attend.duration"] = ["dpattn.mechanism", "error.type"],
        ["dpattn.fanout.duration"] = ["dpattn.fanout.purpose", "error.type"],
        ["dpattn.ledger.commit.duration"] = ["dpattn.operation", "error.type"],
        ["dpattn.storage.duration"] = ["dpattn.operation", "dpattn.blob.kind", "error.type"],
        ["dpattn.publish.duration"] = ["dpattn.mechanism", "error.type"],
        ["dpattn.charges"] = ["dpattn.operation"],
        ["dpattn.ledger.refusals"] = ["dpattn.operation", "dpattn.reason"],
        ["dpattn.ledger.faults"] = ["dpattn.reason"],
        ["dpattn.releases"] = ["dpattn.release.state", "dpattn.mechanism"],
        ["dpattn.scan.queue.length"] = [],
        ["dpattn.cache.size"] = ["dpattn.cache"],
        ["dpattn.refusals"] = ["dpattn.reason"],
        ["dpattn.requests.waiting"] = ["dpattn.queue"],
        ["http.server.request.duration"] = ["http.request.method", "http.response.status_code", "http.route", "error.type"],
        ["http.server.active_requests"] = ["http.request.method"],
        ["dotnet.process.cpu.time"] = ["cpu.mode"],
        ["dotnet.process.memory.working_set"] = [],
        ["dotnet.gc.last_collection.heap.size"] = ["gc.heap.generation"],
        ["dotnet.gc.pause.time"] = [],
        ["dotnet.thread_pool.queue.length"] = [],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>How an instrument is exported.</summary>
    public static MetricStreamConfiguration ViewOf(Instrument instrument) =>
        All.TryGetValue(instrument.Name, out var labels) ? new MetricStreamConfiguration { TagKeys = labels } : MetricStreamConfiguration.Drop;
}
