using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Remote;

/// <summary>
/// Asks any number of queries, a few hundred a request. The first request may open a tier; all others are answered from that one, and can open nothing. A per-query
/// store is asked all at once: each request is a charge.
/// </summary>
internal sealed class AttendRun(IDpAttentionClient client, string store, AttendOptions options)
{
    private const int QueriesPerRequest = 512;
    private const string PerQuery = "per-query";

    public async Task<AttendResponse> AskAsync(QueryFile queries, CancellationToken cancellationToken)
    {
        var most = QueriesPerRequest;
        if (queries.Count > most && (await client.GetStoreAsync(store, cancellationToken).ConfigureAwait(false)).Definition.Mechanism.Name == PerQuery)
            most = queries.Count;
        var parts = new List<AttendResponse>();
        for (var start = 0; start < queries.Count; start += most)
        {
            var count = Math.Min(most, queries.Count - start);
            parts.Add(await client.AttendAsync(store, queries.Slice(start, count), count, parts.Count == 0 ? options : Same(parts[0].Privacy), cancellationToken).ConfigureAwait(false));
        }
        return parts.Count == 1 ? parts[0] : Join(parts);
    }

    // Its release and tier, which are open now: a maximum stated again could open a second, better one.
    private AttendOptions Same(PrivacyRecord first) => new() { Release = first.Release, Tier = first.Tier, Rows = options.Rows, Clip = options.Clip };

    private static AttendResponse Join(List<AttendResponse> parts)
    {
        var last = parts[^1].Privacy;
        return new AttendResponse
        {
            Outputs = [.. parts.SelectMany(part => part.Outputs)],
            NoiseDeviations = [.. parts.SelectMany(part => part.NoiseDeviations)],
            IntervalLow = [.. parts.SelectMany(part => part.IntervalLow)],
            IntervalHigh = [.. parts.SelectMany(part => part.IntervalHigh)],
            KernelErrorBound = parts.Max(part => part.KernelErrorBound),
            IndistinguishableFromMean = parts.Exists(part => part.IndistinguishableFromMean is null) ? null : [.. parts.SelectMany(part => part.IndistinguishableFromMean!)],
            SlotsCovered = parts[0].SlotsCovered,
            Blocks = parts[0].Blocks,
            // Only the first can have been charged; the budget is what the last one saw.
            Privacy = parts[0].Privacy with { Spent = last.Spent, Remaining = last.Remaining },
        };
    }
}
