using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>All that is known of a drill of a cluster when it is over.</summary>
internal sealed record ClusterRecord
{
    /// <summary>What the clients were told.</summary>
    public required IReadOnlyList<JournalLine> Journal { get; init; }

    /// <summary>Their requests.</summary>
    public required IReadOnlyCollection<Attempt> Attempts { get; init; }

    /// <summary>Calls without retries.</summary>
    public required IReadOnlyCollection<ProbeLine> Probes { get; init; }

    /// <summary>The keys that are probed all the while.</summary>
    public required IReadOnlyCollection<string> Keys { get; init; }

    /// <summary>The stores, by their incarnations, of which all have opened a tier, and which are asked for it all the while.</summary>
    public required IReadOnlyCollection<string> OpenStores { get; init; }

    /// <summary>What was done.</summary>
    public required IReadOnlyList<Disturbance> Disturbances { get; init; }

    /// <summary>The processes that ended and were not killed.</summary>
    public required IReadOnlyCollection<ProcessEnd> Ends { get; init; }

    /// <summary>The batches that the owner was told are stored.</summary>
    public required IReadOnlyCollection<BatchLine> Acknowledged { get; init; }

    /// <summary>Those that are.</summary>
    public required IReadOnlyCollection<StoredBatch> Stored { get; init; }
}
