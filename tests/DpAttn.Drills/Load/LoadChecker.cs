namespace DpAttn.Drills.Load;

/// <summary>
/// Compares what the clients were told with what the ledger's tables hold. It adds everything up by itself.
/// </summary>
/// <param name="journal">What the clients were told.</param>
/// <param name="prices">What a tier of a release costs who holds nothing of it, from the releases' privacy statements.</param>
/// <param name="books">The ledger.</param>
internal sealed class LoadChecker(IReadOnlyList<JournalLine> journal, IReadOnlyDictionary<(string Store, string Release, int Tier), long> prices, IReadOnlyList<BookRow> books)
{
    private readonly List<string> _faults = [];

    /// <summary>What does not agree.</summary>
    public IReadOnlyList<string> Check()
    {
        CheckReplays();
        CheckOpened();
        foreach (var lines in journal.GroupBy(line => (line.Store, line.Account)))
        {
            var book = books.Where(book => book.Store == lines.Key.Store && book.Account == lines.Key.Account).ToArray();
            if (book.Length == 1)
                CheckAccount(book[0], [.. lines]);
            else
                _faults.Add($"{lines.Key.Account} has {book.Length} books");
        }
        foreach (var store in journal.Select(line => line.Store).Distinct())
            CheckStore(store);
        return _faults;
    }

    /// <summary>Whatever was answered under one key, or to one query from one tier, is the same to the bit.</summary>
    private void CheckReplays()
    {
        var answered = journal.Where(line => line.Told == JournalLine.Answered).ToArray();
        foreach (var group in answered.Where(line => line.Request is not null).GroupBy(line => (line.Store, line.Account, line.Request)))
            RequireOne(group, $"request {group.Key.Request} of {group.Key.Account}");
        foreach (var group in answered.Where(line => line.Release is not null).GroupBy(line => (line.Store, line.Release, line.Tier, line.Query)))
            RequireOne(group, $"tier {group.Key.Tier} of {group.Key.Release}");

        void RequireOne(IEnumerable<JournalLine> lines, string what)
        {
            if (lines.Select(line => line.Digest).Distinct().Count() != 1)
                _faults.Add($"answers of {what} differ");
        }
    }

    /// <summary>What is open stays open: who was answered once is never told afterwards that nothing is.</summary>
    private void CheckOpened()
    {
        var first = journal.Where(line => line.Told == JournalLine.Answered).GroupBy(line => (line.Store, line.Account)).ToDictionary(group => group.Key, group => group.Min(line => line.Ended));
        foreach (var line in journal.Where(line => line.Told == JournalLine.NotOpened && first.TryGetValue((line.Store, line.Account), out var answered) && line.Began >= answered))
            _faults.Add($"{line.Account} was told at {line.Began:HH:mm:ss.fff} that nothing is open, and was answered before");
    }

    private void CheckAccount(BookRow book, IReadOnlyList<JournalLine> lines)
    {
        var charges = book.Entries.Where(entry => entry.Kind is "open" or "charge").ToArray();
        var byRequest = charges.ToLookup(entry => entry.Request);
        if (book.Entries.Where((entry, i) => entry.Sequence != i + 1).Any())
            _faults.Add($"{book.Account}: entries are missing");
        if (charges.Sum(entry => entry.AccountUnits) != book.Spent)
            _faults.Add($"{book.Account}: entries of {charges.Sum(entry => entry.AccountUnits)} units, and {book.Spent} are spent");
        if (book.Spent > book.Limit)
            _faults.Add($"{book.Account}: {book.Spent} units are spent of {book.Limit}");
        foreach (var group in byRequest.Where(group => group.Key is null || group.Count() != 1))
            _faults.Add($"{book.Account}: request {group.Key} was charged {group.Count()} times");

        foreach (var asked in lines.Where(line => line.Request is not null).GroupBy(line => line.Request!))
        {
            var isThere = byRequest[asked.Key].Any();
            // Charged, or a replay of what was charged; a query without a release is charged whenever it is answered.
            var isPaid = asked.Any(line => line.Told == JournalLine.Answered && (line.IsCharged || line.IsReplay || line.Release is null));
            if (isPaid && !isThere)
                _faults.Add($"{book.Account}: request {asked.Key} was answered and is not charged");
            if (isThere && asked.All(line => line.Told == JournalLine.Refused))
                _faults.Add($"{book.Account}: request {asked.Key} was refused and is charged");
            if (asked.Count(line => line.IsCharged) > 1)
                _faults.Add($"{book.Account}: request {asked.Key} was told twice that it is charged");
        }
        var known = lines.Select(line => line.Request).ToHashSet();
        foreach (var entry in charges.Where(entry => !known.Contains(entry.Request)))
            _faults.Add($"{book.Account}: request {entry.Request} is charged and was never made");
        CheckTiers(book, charges, lines);
        // One query of one tier has one price.
        foreach (var tier in lines.Where(line => line.Release is null && byRequest[line.Request].Any()).GroupBy(line => line.Tier))
        {
            if (tier.Select(line => byRequest[line.Request].First().AccountUnits).Distinct().Count() != 1)
                _faults.Add($"{book.Account}: queries of tier {tier.Key} were charged different amounts");
        }
    }

    /// <summary>Every tier that was answered is paid for, and of each release the best tier is what all its entries cost together.</summary>
    private void CheckTiers(BookRow book, EntryRow[] charges, IReadOnlyList<JournalLine> lines)
    {
        var held = charges.Where(entry => entry.Kind == "open").GroupBy(entry => entry.Release!).ToDictionary(group => group.Key, group => (Tier: group.Max(entry => entry.Tier!.Value), Units: group.Sum(entry => entry.AccountUnits)));
        foreach (var (release, (tier, units)) in held)
        {
            if (units != prices[(book.Store, release, tier)])
                _faults.Add($"{book.Account}: tier {tier} of {release} costs {prices[(book.Store, release, tier)]} units, and {units} are charged");
        }
        foreach (var answered in lines.Where(line => line.Told == JournalLine.Answered && line.Release is not null).GroupBy(line => line.Release!))
        {
            if (!held.TryGetValue(answered.Key, out var paid) || paid.Tier < answered.Max(line => line.Tier))
                _faults.Add($"{book.Account}: tier {answered.Max(line => line.Tier)} of {answered.Key} was answered and is not paid for");
        }
    }

    private void CheckStore(string store)
    {
        var own = books.Single(book => book.Store == store && book.Account.Length == 0);
        var entries = books.Where(book => book.Store == store && book.Account.Length > 0).SelectMany(book => book.Entries).Where(entry => entry.Kind is "open" or "charge").ToArray();
        if (entries.Sum(entry => entry.StoreUnits) != own.Spent)
            _faults.Add($"the store: entries of {entries.Sum(entry => entry.StoreUnits)} units, and {own.Spent} are spent");
        // What all users together learned: of each release the best tier that anybody opened, and every charge.
        var owed = entries.Where(entry => entry.Kind == "charge").Sum(entry => entry.AccountUnits)
            + entries.Where(entry => entry.Kind == "open").GroupBy(entry => entry.Release!).Sum(group => prices[(store, group.Key, group.Max(entry => entry.Tier!.Value))]);
        if (owed != own.Spent)
            _faults.Add($"the store: {owed} units were learned, and {own.Spent} are spent");
        if (own.Spent > own.Limit)
            _faults.Add($"the store: {own.Spent} units are spent of {own.Limit}");
    }
}
