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
        new(DisturbanceKind.Database, "PostgreSQL", At(70), At(75), At(80), (At(71), At(74))),
    ];

    // Calls of two seconds, one after another; of what is open, calls that take a tenth of a second in two stores; probes every second, of which those of the first seconds after the kill and the freeze fail.
    private static readonly JournalLine[] Journal = [.. Enumerable.Range(0, 90).Select(i => Call(i, i + 2)), .. Opened("s"), .. Opened("t")];

    private static readonly ProbeLine[] Probes = [.. Enumerable.Range(0, 90).Select(i => new ProbeLine("k", At(i), At(i + 0.1), i is < 9 or (>= 20 and < 34) ? "shard_unavailable" : null))];

    private static readonly Attempt[] Attempts = [new(At(1), At(12.9), "200"), new(At(2), At(2.1), "503")];

    private static readonly BatchLine[] Acknowledged = [new("s", "a", 0, 10), new("s", "b", 10, 5)];

    private static readonly StoredBatch[] Stored = [new("s", "a", 0, 10, 10), new("s", "b", 10, 5, 5), new("s", "c", 15, 5, 5)];

    private static readonly ClusterRecord Record = new()
    {
        Journal = Journal,
        Attempts = Attempts,
        Probes = Probes,
        Keys = ["k"],
        OpenStores = ["s", "t"],
        Disturbances = Disturbances,
        Ends = [],
        Acknowledged = Acknowledged,
        Stored = Stored,
    };

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
        // Each store by itself, and nothing that was made before it was gone or answered when it was being started again.
        Found("only 4 calls of open tiers of t", [.. Journal.Where(line => line.Store != "t" || line.Began < At(71) || line.Began >= At(72))]);
        Found("only 0 calls of open tiers of t", [.. Journal.Select(line => line.Store == "t" ? line with { Began = line.Began - TimeSpan.FromSeconds(4) } : line)]);
        Found("only 0 calls of open tiers of t", [.. Journal.Select(line => line.Store == "t" ? line with { Ended = line.Ended + TimeSpan.FromSeconds(4) } : line)]);
        Found("only 0 calls of open tiers of t", [.. Journal.Select(line => line.Store == "t" ? line with { Told = JournalLine.Refused } : line)]);
        Found("only 0 calls of open tiers of t", [.. Journal.Select(line => line.Store == "t" ? line with { Request = "bought" } : line)]);
        Found("nobody knows when it was away", record: Record with { Disturbances = [.. Disturbances.Select(disturbance => disturbance with { Away = null })] });
        // What opens or buys may have to wait, and may be given up.
        Assert.Empty(Check([.. Journal, GivenUp(71)[71] with { Request = "k" }]));
    }

    [Fact]
    public void A_watch_that_ends_before_its_bound_is_found()
    {
        Found("Kill of silo 1 at 00:00:00: watched for 10.0 s", record: Watched(0, 10));
        Found("Freeze of silo 2 at 00:00:20: watched for 15.0 s", record: Watched(1, 35));
        Assert.Empty(Check(record: Watched(1, 35.1)));
    }

    [Fact]
    public void A_key_that_nobody_asked_meanwhile_is_found()
    {
        Found("Kill of silo 1 at 00:00:00: k was not asked", probes: [.. Probes.Where(probe => probe.Began >= At(20))]);
        Found("Freeze of silo 2 at 00:00:20: k was not asked", probes: [.. Probes.Where(probe => probe.Began < At(20) || probe.Began >= At(50))]);
        Found("other was not asked", record: Record with { Keys = ["k", "other"] });
    }

    [Fact]
    public void A_call_that_was_not_made_is_found_and_counts_as_failed()
    {
        ProbeLine[] probes = [.. Probes.Select((probe, i) => i == 10 ? probe with { Failure = ProbeLine.NotMade } : probe)];
        Found("1 calls without retries were not made", probes: probes);
        Found("k was away for 11.0 s", probes: probes);
    }

    [Fact]
    public void A_process_that_ends_by_itself_or_not_in_order_is_found()
    {
        Found("silo 1 ended by itself before 00:01:20, with 0", record: Ended(EndReason.ByItself, 0));
        Found("silo 1 was told to stop and ended with 134", record: Ended(EndReason.Told, 134));
        // The engine ends what was declared dead, with whatever code.
        Assert.Empty(Check(record: Ended(EndReason.CutOff, 134)));
        Assert.Empty(Check(record: Ended(EndReason.Told, 0)));
    }

    private static DateTimeOffset At(double seconds) => Start + TimeSpan.FromSeconds(seconds);

    private static JournalLine Call(double began, double ended) => new("a", "s", null, "r", 0, JournalLine.Answered, Digest: "d", Began: At(began), Ended: At(ended));

    private static IEnumerable<JournalLine> Opened(string store) => Enumerable.Range(0, 180).Select(i => Call(i / 2.0, i / 2.0 + 0.1) with { Store = store, IsProbe = true });

    private static ClusterRecord Watched(int disturbance, double until) => Record with { Disturbances = [.. Disturbances.Select((one, i) => i == disturbance ? one with { Watched = At(until) } : one)] };

    private static ClusterRecord Ended(EndReason reason, int code) => Record with { Ends = [new ProcessEnd("silo 1", reason, code, At(80))] };

    private static JournalLine[] GivenUp(int call) => [.. Journal.Select((line, i) => i == call ? line with { Told = JournalLine.GaveUp, Code = "shard_unavailable" } : line)];

    private static ProbeLine[] Failing(int second) => [.. Probes.Select((probe, i) => i == second ? probe with { Failure = "busy" } : probe)];

    private static IReadOnlyList<string> Check(JournalLine[]? journal = null, ProbeLine[]? probes = null, Attempt[]? attempts = null, StoredBatch[]? stored = null, ClusterRecord? record = null)
    {
        var whole = record ?? Record;
        return new ClusterChecker(
            whole with { Journal = journal ?? whole.Journal, Probes = probes ?? whole.Probes, Attempts = attempts ?? whole.Attempts, Stored = stored ?? whole.Stored },
            ClusterBounds.Stated).Check();
    }

    private static void Found(string what, JournalLine[]? journal = null, ProbeLine[]? probes = null, Attempt[]? attempts = null, StoredBatch[]? stored = null, ClusterRecord? record = null) =>
        Assert.Contains(Check(journal, probes, attempts, stored, record), fault => fault.Contains(what, StringComparison.Ordinal));
}
