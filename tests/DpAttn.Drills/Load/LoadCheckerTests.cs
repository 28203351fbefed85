namespace DpAttn.Drills.Load;

/// <summary>The drill's checker: a ledger and a journal that agree pass, and each thing that may be wrong is found.</summary>
public class LoadCheckerTests
{
    private static readonly Dictionary<(string, string, int), long> Prices = new() { [("s", "r", 0)] = 10, [("s", "r", 1)] = 30 };

    private static readonly JournalLine[] Journal =
    [
        new("a", "s", "k1", "r", 0, JournalLine.Answered, IsCharged: true, Digest: "r0"),
        new("a", "s", "k1", "r", 0, JournalLine.Answered, IsReplay: true, Digest: "r0"),
        new("a", "s", "k2", "r", 1, JournalLine.Answered, IsCharged: true, Digest: "r1"),
        new("a", "s", null, "r", 1, JournalLine.Answered, Digest: "r1"),
        new("a", "s", "k3", null, 0, JournalLine.Answered, IsCharged: true, Digest: "q"),
        new("b", "s", "k1", "r", 1, JournalLine.Refused),
        new("b", "s", "k2", "r", 0, JournalLine.Answered, IsReplay: true, Digest: "r0"),
        new("b", "s", "k4", null, 0, JournalLine.GaveUp),
    ];

    private static readonly BookRow[] Books =
    [
        new("s", "", 100, 44, [new(1, "store-limit", null, null, null, 0, 100)]),
        new("s", "a", 50, 37, [new(1, "account-limit", null, null, null, 50, 0), new(2, "open", "k1", "r", 0, 10, 10), new(3, "open", "k2", "r", 1, 20, 20), new(4, "charge", "k3", null, null, 7, 7)]),
        new("s", "b", 20, 17, [new(1, "account-limit", null, null, null, 20, 0), new(2, "open", "k2", "r", 0, 10, 0), new(3, "charge", "k4", null, null, 7, 7)]),
    ];

    [Fact]
    public void What_agrees_passes() => Assert.Empty(new LoadChecker(Journal, Prices, Books).Check());

    [Fact]
    public void An_account_that_was_answered_and_is_told_later_that_nothing_is_open_is_found()
    {
        var at = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        JournalLine[] answered = [.. Journal.Select(line => line with { Began = at, Ended = at.AddSeconds(1) })];
        JournalLine told = new("a", "s", null, null, null, JournalLine.NotOpened, Began: at.AddSeconds(1), Ended: at.AddSeconds(2));
        Found("a was told at 00:00:01.000 that nothing is open", journal: [.. answered, told]);
        // What was asked before the first answer came, and what was never answered.
        Assert.Empty(new LoadChecker([.. answered, told with { Began = at.AddSeconds(0.9) }], Prices, Books).Check());
        Assert.Empty(new LoadChecker([.. answered.Select(line => line.Account == "b" && line.Told == JournalLine.Answered ? line with { Told = JournalLine.GaveUp } : line), told with { Account = "b" }], Prices, Books).Check());
    }

    [Fact]
    public void A_request_that_was_answered_and_is_not_charged_is_found() => Found("answered and is not charged", books: Without("a", "k3"));

    [Fact]
    public void A_replay_of_what_is_not_charged_is_found() => Found("k2 was answered and is not charged", books: Without("b", "k2"));

    [Fact]
    public void A_request_that_is_charged_twice_is_found() => Found("k3 was charged 2 times", books: With("a", new EntryRow(5, "charge", "k3", null, null, 7, 7)));

    [Fact]
    public void A_charge_that_nobody_asked_for_is_found() => Found("charged and was never made", books: With("a", new EntryRow(5, "charge", "k9", null, null, 7, 7)));

    [Fact]
    public void A_charge_that_was_refused_is_found() => Found("k1 was refused and is charged", books: With("b", new EntryRow(4, "charge", "k1", null, null, 7, 7)));

    [Fact]
    public void A_charge_that_was_told_twice_is_found() => Found("told twice", [.. Journal, Journal[0]]);

    [Fact]
    public void Answers_that_differ_are_found()
    {
        Found("answers of request k1", [.. Journal, Journal[1] with { Digest = "x" }]);
        Found("answers of tier 1", [.. Journal, Journal[3] with { Digest = "x" }]);
        Found("answers of tier 1", [.. Journal, Journal[3] with { Query = 5 }, Journal[3] with { Query = 5, Digest = "x" }]);
        Assert.Empty(new LoadChecker([.. Journal, Journal[3] with { Query = 5, Digest = "other queries" }], Prices, Books).Check());
        Found("answers of request k3", [.. Journal, Journal[4] with { IsCharged = false, IsReplay = true, Digest = "x" }]);
    }

    [Fact]
    public void A_tier_that_was_answered_and_is_not_paid_for_is_found() => Found("not paid for", [.. Journal, new("b", "s", null, "r", 1, JournalLine.Answered, Digest: "r1")]);

    [Fact]
    public void A_total_that_is_one_unit_off_is_found()
    {
        Found("37 units, and 38", books: [Books[0], Books[1] with { Spent = 38 }, Books[2]]);
        Found("44 units, and 45", books: [Books[0] with { Spent = 45 }, Books[1], Books[2]]);
        Found("costs 30 units, and 31", books: Changed("a", 2, entry => entry with { AccountUnits = 21 }));
        Found("different amounts", [.. Journal, Journal[4] with { Request = "k5" }], With("a", new EntryRow(5, "charge", "k5", null, null, 8, 8)));
    }

    [Fact]
    public void A_gap_and_a_limit_that_was_passed_are_found()
    {
        Found("entries are missing", books: Changed("a", 2, entry => entry with { Sequence = 5 }));
        Found("37 units are spent of 36", books: [Books[0], Books[1] with { Limit = 36 }, Books[2]]);
        Found("44 units are spent of 43", books: [Books[0] with { Limit = 43 }, Books[1], Books[2]]);
    }

    private static void Found(string what, JournalLine[]? journal = null, BookRow[]? books = null) =>
        Assert.Contains(new LoadChecker(journal ?? Journal, Prices, books ?? Books).Check(), fault => fault.Contains(what, StringComparison.Ordinal));

    private static BookRow[] Without(string account, string request) => [.. Books.Select(book => book.Account == account ? book with { Entries = [.. book.Entries.Where(entry => entry.Request != request)] } : book)];

    private static BookRow[] With(string account, EntryRow entry) => [.. Books.Select(book => book.Account == account ? book with { Entries = [.. book.Entries, entry] } : book)];

    private static BookRow[] Changed(string account, int index, Func<EntryRow, EntryRow> change) =>
        [.. Books.Select(book => book.Account == account ? book with { Entries = [.. book.Entries.Select((entry, i) => i == index ? change(entry) : entry)] } : book)];
}
