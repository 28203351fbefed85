using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>What a cluster promises beyond the ledger: nothing acknowledged is lost, calls end in time, and what is done to it costs no more than is said.</summary>
/// <param name="journal">What the clients were told.</param>
/// <param name="attempts">Their requests.</param>
/// <param name="probes">Calls without retries.</param>
/// <param name="disturbances">What was done.</param>
/// <param name="acknowledged">The batches that the owner was told are stored.</param>
/// <param name="stored">Those that are.</param>
/// <param name="bounds">What may be exceeded by nothing.</param>
internal sealed class ClusterChecker(
    IReadOnlyList<JournalLine> journal, IReadOnlyCollection<Attempt> attempts, IReadOnlyCollection<ProbeLine> probes, IReadOnlyList<Disturbance> disturbances,
    IReadOnlyCollection<BatchLine> acknowledged, IReadOnlyCollection<StoredBatch> stored, ClusterBounds bounds)
{
    // What a silo that left may still cost comes at once.
    private static readonly TimeSpan AfterStop = TimeSpan.FromSeconds(5);

    // Fewer say nothing about what is answered without the database.
    private const int FewestDuring = 5;

    /// <summary>What does not hold.</summary>
    public IReadOnlyList<string> Check() => [.. Batches(), .. Late(), .. disturbances.SelectMany(Costs)];

    private IEnumerable<string> Batches()
    {
        var byId = stored.ToLookup(batch => (batch.Store, batch.Batch));
        foreach (var batch in acknowledged)
        {
            var found = byId[(batch.Store, batch.Batch)].ToArray();
            if (found.Length != 1 || found[0].FirstSlot != batch.FirstSlot || found[0].Slots != batch.Rows)
                yield return $"batch {batch.Batch} was acknowledged and is not there as it was";
            else if (found[0].WholeRows != batch.Rows)
                yield return $"batch {batch.Batch} was acknowledged with {batch.Rows} rows, and {found[0].WholeRows} are there";
        }
        foreach (var store in stored.GroupBy(batch => batch.Store))
        {
            long next = 0;
            foreach (var batch in store.OrderBy(batch => batch.FirstSlot))
            {
                if (batch.FirstSlot != next)
                    yield return $"batch {batch.Batch} begins at slot {batch.FirstSlot}, and the one before ends at {next}";
                next = batch.FirstSlot + batch.Slots;
            }
        }
    }

    private IEnumerable<string> Late() => attempts.Where(attempt => attempt.Ended - attempt.Began > bounds.Request)
        .Select(attempt => $"a request at {attempt.Began:HH:mm:ss.fff} ended after {(attempt.Ended - attempt.Began).TotalSeconds:F1} s ({attempt.Outcome})");

    private IEnumerable<string> Costs(Disturbance disturbance) => disturbance.Kind switch
    {
        DisturbanceKind.Kill => Away(disturbance, bounds.Kill),
        DisturbanceKind.Freeze => Away(disturbance, bounds.Freeze),
        DisturbanceKind.Stop => Failed(During(disturbance.Began, disturbance.Ended + AfterStop), disturbance),
        DisturbanceKind.Add => Failed(During(disturbance.Began, disturbance.Ended), disturbance),
        DisturbanceKind.Database => Opened(disturbance),
        _ => [],
    };

    private IEnumerable<string> Away(Disturbance disturbance, TimeSpan most) => Outages.Of(disturbance, probes).Where(key => key.Value > most)
        .Select(key => $"{Named(disturbance)}: {key.Key} was away for {key.Value.TotalSeconds:F1} s, and {most.TotalSeconds} s are allowed");

    /// <summary>What is open is answered without the database: enough at once, and all for whoever repeats as the SDK does.</summary>
    private IEnumerable<string> Opened(Disturbance disturbance)
    {
        var asked = Within(disturbance.Began, disturbance.Ended).Where(line => line.Request is null).ToArray();
        var answered = asked.Count(line => line.Told == JournalLine.Answered && line.Ended <= disturbance.Ended);
        if (answered < FewestDuring)
            yield return $"{Named(disturbance)}: only {answered} calls of open tiers were answered meanwhile";
        foreach (var fault in Failed(asked.Where(line => !line.IsProbe), disturbance))
            yield return fault;
    }

    private static IEnumerable<string> Failed(IEnumerable<JournalLine> lines, Disturbance disturbance) => lines.Where(line => line.Told == JournalLine.GaveUp)
        .Select(line => $"{Named(disturbance)}: a call of {line.Account} at {line.Began:HH:mm:ss.fff} failed with {line.Code} after {(line.Ended - line.Began).TotalSeconds:F1} s, for all the SDK's retries");

    /// <summary>Calls through the SDK's retries that were under way then.</summary>
    private IEnumerable<JournalLine> During(DateTimeOffset from, DateTimeOffset to) => Within(from, to).Where(line => !line.IsProbe);

    private IEnumerable<JournalLine> Within(DateTimeOffset from, DateTimeOffset to) => journal.Where(line => line.Ended >= from && line.Began <= to);

    private static string Named(Disturbance disturbance) => $"{disturbance.Kind} of {disturbance.What} at {disturbance.Began:HH:mm:ss}";
}
