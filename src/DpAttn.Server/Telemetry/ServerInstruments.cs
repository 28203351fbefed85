using System.Diagnostics.Metrics;
using DpAttn.Cluster;
using DpAttn.Server.Http;

namespace DpAttn.Server.Telemetry;

/// <summary>What the HTTP front tells about itself.</summary>
internal sealed class ServerInstruments
{
    /// <summary>The name of the meter, shared with the silo's.</summary>
    public const string Name = "DpAttn";

    private readonly Tally _refusals = new(["dpattn.reason"], ProblemTable.All.Select(problem => new[] { problem.Code }));

    public ServerInstruments(IMeterFactory meters, RequestAdmission requests, UploadAdmission uploads)
    {
        var meter = meters.Create(Name);
        meter.CreateObservableCounter("dpattn.refusals", _refusals.Measure, "{refusal}", "Requests that ended in a problem, by its code.");
        meter.CreateObservableUpDownCounter<long>(
            "dpattn.requests.waiting",
            () => [new(requests.Waiting, new KeyValuePair<string, object?>("dpattn.queue", "requests")), new(uploads.Waiting, new KeyValuePair<string, object?>("dpattn.queue", "uploads"))],
            "{request}",
            "Requests that wait for a place.");
    }

    /// <summary>Counts a request that ended in a problem.</summary>
    /// <param name="code">The problem's code, one of the table.</param>
    public void CountRefusal(string code) => _refusals.Add(code);
}
