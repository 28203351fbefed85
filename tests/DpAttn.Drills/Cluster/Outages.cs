namespace DpAttn.Drills;

/// <summary>How long keys were away after something was done.</summary>
internal static class Outages
{
    /// <summary>An answer that took longer was none while it lasted: no call between silos may take as long.</summary>
    public static readonly TimeSpan Slow = TimeSpan.FromSeconds(5);

    /// <summary>
    /// From the disturbance to the first probe of the key that was answered in time, and after which all others were, as long as it was watched. A probe made before is not counted: the calls under way end
    /// with their silo, and whoever repeats them is a later probe.
    /// </summary>
    /// <returns>By key; a key that was never back has all the time that was watched.</returns>
    public static IReadOnlyDictionary<string, TimeSpan> Of(Disturbance disturbance, IEnumerable<ProbeLine> probes)
    {
        var away = new Dictionary<string, TimeSpan>();
        foreach (var key in probes.Where(probe => probe.Began >= disturbance.Began && probe.Began < disturbance.Watched).GroupBy(probe => probe.Key))
        {
            var ordered = key.OrderBy(probe => probe.Began).ToArray();
            var last = Array.FindLastIndex(ordered, IsBad);
            away[key.Key] = last < 0 ? TimeSpan.Zero
                : last == ordered.Length - 1 ? disturbance.Watched - disturbance.Began
                : ordered[last + 1].Began - disturbance.Began;
        }
        return away;
    }

    private static bool IsBad(ProbeLine probe) => probe.Failure is not null || probe.Ended - probe.Began > Slow;
}
