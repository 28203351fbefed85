using System.Globalization;
using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>What each disturbance cost, for people to read.</summary>
internal static class DisturbanceTable
{
    public static IEnumerable<string> Rows(DateTimeOffset began, IReadOnlyList<Disturbance> disturbances, IReadOnlyCollection<ProbeLine> probes, IReadOnlyList<JournalLine> journal)
    {
        yield return "| at | what | keys away, longest | which | probes failed | calls through the SDK | slowest | gave up | open tiers answered at once |";
        yield return "|---|---|---|---|---|---|---|---|---|";
        foreach (var disturbance in disturbances)
        {
            var worst = Outages.Of(disturbance, probes).OrderByDescending(key => key.Value).FirstOrDefault();
            var probed = probes.Where(probe => probe.Began >= disturbance.Began && probe.Began < disturbance.Watched).ToArray();
            var calls = journal.Where(line => !line.IsProbe && line.Ended >= disturbance.Began && line.Began < disturbance.Watched).ToArray();
            var opened = journal.Where(line => line.IsProbe && line.Request is null && line.Began >= (disturbance.Away?.Gone ?? disturbance.Began) && line.Began <= (disturbance.Away?.Back ?? disturbance.Ended)).ToArray();
            yield return string.Create(CultureInfo.InvariantCulture, $"""
                | {(disturbance.Began - began).TotalSeconds:F0} s | {disturbance.Kind} {disturbance.What} | {worst.Value.TotalSeconds:F1} s | {(worst.Value > TimeSpan.Zero ? worst.Key : "")} | {Failures(probed)} | {calls.Length} | {calls.Select(line => (line.Ended - line.Began).TotalSeconds).DefaultIfEmpty().Max():F1} s | {calls.Count(line => line.Told == JournalLine.GaveUp)} | {opened.Count(line => line.Told == JournalLine.Answered)} of {opened.Length} |
                """);
        }
    }

    /// <summary>How many of how many, and why.</summary>
    private static string Failures(ProbeLine[] probes)
    {
        var why = probes.Where(probe => probe.Failure is not null).CountBy(probe => probe.Failure!).OrderByDescending(pair => pair.Value).Select(pair => $"{pair.Value} {pair.Key}");
        return $"{probes.Count(probe => probe.Failure is not null)} of {probes.Length} {string.Join(", ", why)}".TrimEnd();
    }
}
