using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>The checker of the drill of a cluster: what agrees passes, and each thing that may be wrong is found.</summary>
public sealed class ClusterCheckerTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly Disturbance[] Disturbances =
    [
        new(DisturbanceKind.Kill, "silo 1", At(0), At(0.1), At(20)),
        new(DisturbanceKind.Freeze, "silo 2", At(20), At(20), At(50)),
        new(DisturbanceKind.Stop, "silo 3", At(50), At(52), At(60)),
        new(DisturbanceKind.Add, "silo 4", At(60), At(65), At(67)),
        new(DisturbanceKind.Database, "PostgreSQL", At(70), At(74), At(80)),
    ];

    // Calls of two seconds, one after another; probes every second, of which those of the first seconds after the kill and the freeze fail.
    private static readonly JournalLine[] Journal = [.. Enumerable.Range(0, 90).Select(i => Call(i, i + 2))];

    private static readonly ProbeLine[] Probes = [.. Enumerable.Range(0, 90).Select(i => new ProbeLine("k", At(i), At(i + 0.1), i is < 9 or (>= 20 and < 34) ? "shard_unavailable" : null))];

    private static readonly Attempt[] Attempts = [new(At(1), At(12.9), "200"), new(At(2), At(2.1), "503")];

    private static readonly BatchLine[] Acknowledged = [new("s", "a", 0, 10), new("s", "b", 10, 5)];

    private static readonly StoredBatch[] Stored = [new("s", "a", 0, 10, 10), new("s", "b", 10, 5, 5), new("s", "c", 15, 5, 5)];

    [Fact]
    public void What_agrees_passes() => Assert.Empty(Check());

    [Fact]
    public void A_batch_that_is_lost_moved_or_short_is_found()
    {
        Found("batch a was acknowledged and is not there", stored: [Stored[1], Stored[2]]);
        Found("batch b was acknowledged and is not there", stored: [Stored[0], Stored[1] with { FirstSlot = 11 }]);
        Found("batch b was acknowledged and is not there", stored: [.. Stored, Stored[1]]);
        Found("batch a was acknowledged with 10 rows, and 7 are there", stored: [Stored[0] with { WholeRows = 7 }, Stored[1]]);
        Found("batch c begins at slot 14, and the one before ends at 15", stored: [Stored[0], Stored[1], Stored[2] with { FirstSlot = 14 }]);
    }

    [Fact]
    public void A_request_past_its_deadline_is_found() => Found("ended after 12.1 s", attempts: [.. Attempts, new(At(3), At(15.1), "200")]);

    [Fact]
    public void Keys_that_are_away_for_too_long_are_found()
    {
        Found("k was away for 11.0 s, and 10 s are allowed", probes: Failing(10));
        Found("k was away for 16.0 s, and 15 s are allowed", probes: Failing(35));
        // An answer after more than the deadline of a call is none.
        Found("k was away for 16.0 s", probes: [.. Probes.Select((probe, i) => i == 35 ? probe with { Ended = At(41) } : probe)]);
        // Nothing that was answered again by the end.
        Found("k was away for 20.0 s", probes: Failing(19));
        // Another key than the one that is fine.
        Found("other was away for 12.0 s", probes: [.. Probes, .. Failing(11).Select(probe => probe with { Key = "other" })]);
    }

    [Fact]
    public void A_call_that_a_stopped_or_an_added_silo_cost_is_found()
    {
        Found("Stop of silo 3", GivenUp(51));
        Found("Stop of silo 3", GivenUp(55));
        Found("Stop of silo 3", GivenUp(49));
        Found("Add of silo 4", GivenUp(62));
        // A kill may cost what the SDK's retries do not reach over, and probes have none.
        Assert.Empty(Check(GivenUp(5)));
        Assert.Empty(Check([.. Journal, GivenUp(51)[51] with { IsProbe = true }]));
    }

    [Fact]
    public void Open_tiers_that_are_not_answered_without_the_database_are_found()
    {
        Found("Database of PostgreSQL", GivenUp(71));
        Found("only 0 calls of open tiers", [.. Journal.Where(line => line.Began < At(65) || line.Began > At(75))]);
        // What opens or buys may have to wait, and may be given up.
        Assert.Empty(Check([.. Journal, GivenUp(71)[71] with { Request = "k" }]));
    }

    private static DateTimeOffset At(double seconds) => Start + TimeSpan.FromSeconds(seconds);

    private static JournalLine Call(double began, double ended) => new("a", "s", null, "r", 0, JournalLine.Answered, Digest: "d", Began: At(began), Ended: At(ended));

    private static JournalLine[] GivenUp(int call) => [.. Journal.Select((line, i) => i == call ? line with { Told = JournalLine.GaveUp, Code = "shard_unavailable" } : line)];

    private static ProbeLine[] Failing(int second) => [.. Probes.Select((probe, i) => i == second ? probe with { Failure = "busy" } : probe)];

    private static IReadOnlyList<string> Check(JournalLine[]? journal = null, ProbeLine[]? probes = null, Attempt[]? attempts = null, StoredBatch[]? stored = null) =>
        new ClusterChecker(journal ?? Journal, attempts ?? Attempts, probes ?? Probes, Disturbances, Acknowledged, stored ?? Stored, ClusterBounds.Stated).Check();

    private static void Found(string what, JournalLine[]? journal = null, ProbeLine[]? probes = null, Attempt[]? attempts = null, StoredBatch[]? stored = null) =>
        Assert.Contains(Check(journal, probes, attempts, stored), fault => fault.Contains(what, StringComparison.Ordinal));
}
