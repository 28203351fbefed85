using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>What a cluster promises beyond the ledger: nothing acknowledged is lost, calls end in time, and what is done to it costs no more than is said.</summary>
/// <param name="record">What was told, done and kept.</param>
/// <param name="bounds">What may be exceeded by nothing.</param>
internal sealed class ClusterChecker(ClusterRecord record, ClusterBounds bounds)
{
    // What a silo that left may still cost comes at once.
    private static readonly TimeSpan AfterStop = TimeSpan.FromSeconds(5);

    // Fewer say nothing about what is answered without the database.
    private const int FewestAway = 5;

    /// <summary>What does not hold.</summary>
    public IReadOnlyList<string> Check() => [.. Batches(), .. Late(), .. NotMade(), .. Ends(), .. record.Disturbances.SelectMany(Costs)];

    private IEnumerable<string> Batches()
    {
        var byId = record.Stored.ToLookup(batch => (batch.Store, batch.Batch));
        foreach (var batch in record.Acknowledged)
        {
            var found = byId[(batch.Store, batch.Batch)].ToArray();
            if (found.Length != 1 || found[0].FirstSlot != batch.FirstSlot || found[0].Slots != batch.Rows)
                yield return $"batch {batch.Batch} was acknowledged and is not there as it was";
            else if (found[0].WholeRows != batch.Rows)
                yield return $"batch {batch.Batch} was acknowledged with {batch.Rows} rows, and {found[0].WholeRows} are there";
        }
        foreach (var store in record.Stored.GroupBy(batch => batch.Store))
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

    private IEnumerable<string> Late() => record.Attempts.Where(attempt => attempt.Ended - attempt.Began > bounds.Request)
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

    /// <summary>A key that was not asked was not there either, for all that is known; and who looks away before the bound cannot see it exceeded.</summary>
    private IEnumerable<string> Away(Disturbance disturbance, TimeSpan most)
    {
        if (disturbance.Watched - disturbance.Began <= most)
            yield return $"{Named(disturbance)}: watched for {(disturbance.Watched - disturbance.Began).TotalSeconds:F1} s, which cannot exceed the {most.TotalSeconds} s that are allowed";
        var away = Outages.Of(disturbance, record.Probes);
        foreach (var key in record.Keys.Where(key => !away.ContainsKey(key)))
            yield return $"{Named(disturbance)}: {key} was not asked";
        foreach (var (key, time) in away.Where(key => key.Value > most))
            yield return $"{Named(disturbance)}: {key} was away for {time.TotalSeconds:F1} s, and {most.TotalSeconds} s are allowed";
    }

    private IEnumerable<string> NotMade()
    {
        if (record.Probes.Count(probe => probe.Failure == ProbeLine.NotMade) is var count && count > 0)
            yield return $"{count} calls without retries were not made: too many had not come back";
    }

    private IEnumerable<string> Ends()
    {
        foreach (var end in record.Ends)
        {
            if (end.Reason == EndReason.ByItself)
                yield return $"{end.Name} ended by itself before {end.Noticed:HH:mm:ss}, with {end.Code}";
            else if (end.Reason == EndReason.Told && end.Code != 0)
                yield return $"{end.Name} was told to stop and ended with {end.Code}";
        }
    }

    /// <summary>What is open is answered without the database: of each store enough while it is certainly away, and all for whoever repeats as the SDK does.</summary>
    private IEnumerable<string> Opened(Disturbance disturbance)
    {
        if (disturbance.Away is not { } away)
        {
            yield return $"{Named(disturbance)}: nobody knows when it was away";
            yield break;
        }
        foreach (var store in record.OpenStores)
        {
            var answered = record.Journal.Count(line => line.Store == store && line.Request is null && line.Told == JournalLine.Answered && line.Began >= away.Gone && line.Ended <= away.Back);
            if (answered < FewestAway)
                yield return $"{Named(disturbance)}: only {answered} calls of open tiers of {store} were made and answered while it was away";
        }
        foreach (var fault in Failed(During(disturbance.Began, disturbance.Ended).Where(line => line.Request is null), disturbance))
            yield return fault;
    }

    private static IEnumerable<string> Failed(IEnumerable<JournalLine> lines, Disturbance disturbance) => lines.Where(line => line.Told == JournalLine.GaveUp)
        .Select(line => $"{Named(disturbance)}: a call of {line.Account} at {line.Began:HH:mm:ss.fff} failed with {line.Code} after {(line.Ended - line.Began).TotalSeconds:F1} s, for all the SDK's retries");

    /// <summary>Calls through the SDK's retries that were under way then.</summary>
    private IEnumerable<JournalLine> During(DateTimeOffset from, DateTimeOffset to) => Within(from, to).Where(line => !line.IsProbe);

    private IEnumerable<JournalLine> Within(DateTimeOffset from, DateTimeOffset to) => record.Journal.Where(line => line.Ended >= from && line.Began <= to);

    private static string Named(Disturbance disturbance) => $"{disturbance.Kind} of {disturbance.What} at {disturbance.Began:HH:mm:ss}";
}
