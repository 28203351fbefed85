using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests.Ledger;

/// <summary>
/// Random operations on the budgets of one store from several threads over all silos: charges, opens and upgrades, grants, limits raised and lowered, retries with the
/// same and with other bodies. Limits follow what is spent, so that both sides of every refusal are met all the time.
/// </summary>
internal sealed class BudgetWorkload(TestSilos silos, IBudgetLedger storeLimits, StoreId store, IReadOnlyList<string> releases, BudgetJournal journal, int seed)
{
    private const int Accounts = 10;
    private const int Remembered = 64;
    private static readonly Delta Delta = new(1e-6);
    private static readonly PrivacyLimit[] Levels = Steps(0.2, 8, 400), StoreLevels = Steps(0.5, 20, 400);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), ShortPatience = TimeSpan.FromMilliseconds(30);
    private readonly AccountId[] _accounts = [.. Enumerable.Range(0, Accounts).Select(i => new AccountId($"{i:x32}"))];
    private readonly long[] _spent = new long[Accounts];
    private readonly long[] _sequences = new long[Accounts];
    private readonly Asked?[] _recent = new Asked?[Remembered];
    private long _storeSpent;
    private int _requests;

    /// <summary>Grants every account something, then runs.</summary>
    public async Task RunAsync(int operations, int threads)
    {
        foreach (var account in _accounts)
            await LimitAsync(Grain(0, account), account, Levels[0]);
        using var stop = new CancellationTokenSource();
        var watching = Task.Run(() => WatchAsync(stop.Token));
        var left = operations;
        await Task.WhenAll(Enumerable.Range(0, threads).Select(thread => Task.Run(async () =>
        {
            var random = new Random(1000 * seed + thread);
            while (Interlocked.Decrement(ref left) >= 0)
                await OneAsync(random);
        })));
        await stop.CancelAsync();
        await watching;
    }

    /// <summary>Asks again, now that nothing fails, for what nobody knew the outcome of: it is found, or decided now.</summary>
    public async Task SettleAsync()
    {
        foreach (var asked in journal.Unsettled())
            journal.Settled.Enqueue(await AskAsync(Grain(1, asked.Account), asked, Patience, CancellationToken.None));
        // A copy may be behind the ledger, and never before it.
        foreach (var (account, index) in _accounts.Select((account, i) => (account, i)))
        {
            var budget = (await silos.Storage.Ledger.ReadAccountAsync(store, account))!;
            if (_spent[index] > budget.Spent.MuSquared || _sequences[index] > budget.Sequence)
                journal.Seen.Enqueue($"{account} was seen at {_spent[index]} units and entry {_sequences[index]}, and stands at {budget.Spent.MuSquared} and {budget.Sequence}");
        }
    }

    private async Task OneAsync(Random random)
    {
        var index = random.Next(Accounts);
        var account = _accounts[index];
        var grain = Grain(random.Next(silos.Cluster.Silos.Count), account);
        using var giveUp = new CancellationTokenSource();
        if (random.Next(50) == 0)
            giveUp.CancelAfter(random.Next(1, 5));
        var patience = random.Next(20) == 0 ? ShortPatience : Patience;
        switch (random.Next(100))
        {
            case < 40:
                // Up to some of what lies between two levels of the limit.
                var most = Levels[Math.Min(Level(Levels, _spent[index]) + 1, Levels.Length - 1)].Amount.MuSquared / 100;
                await AskAsync(grain, Remember(random, new Asked(account, Fresh(), $"charge {random.Next()}", new PrivacyAmount(random.NextInt64(1, most), random.Next(5)))), patience, giveUp.Token);
                break;
            case < 52:
                await AskAsync(grain, Remember(random, new Asked(account, Fresh(), $"open {random.Next()}", PrivacyAmount.Zero, releases[random.Next(releases.Count)], random.Next(3))), patience, giveUp.Token);
                break;
            case < 74 when _recent[random.Next(Remembered)] is { } again:
                await AskAsync(Grain(random.Next(silos.Cluster.Silos.Count), again.Account), again, patience, giveUp.Token);
                break;
            case < 80 when _recent[random.Next(Remembered)] is { } other:
                await AskAsync(Grain(random.Next(silos.Cluster.Silos.Count), other.Account), other with { Content = other.Content + " altered" }, patience, giveUp.Token);
                break;
            case < 90:
                await LimitAsync(grain, account, Near(random, Levels, Volatile.Read(ref _spent[index])));
                break;
            case < 93:
                await StoreLimitAsync(Near(random, StoreLevels, Volatile.Read(ref _storeSpent)));
                break;
            default:
                await LookAsync(grain, index);
                break;
        }
    }

    private async Task<Attempt> AskAsync(IBudgetGrain grain, Asked asked, TimeSpan patience, CancellationToken giveUp)
    {
        var (told, outcome) = await TellAsync(() => asked.Release is null
            ? grain.ChargeAsync(new ChargeCommand(asked.Request, asked.Bytes, asked.Cost.MuSquared, asked.Cost.Slack), giveUp)
            : grain.OpenAsync(new OpenCommand(asked.Request, asked.Bytes, asked.Release, asked.Tier), giveUp), patience, giveUp);
        var attempt = new Attempt(asked, told, told == Told.Admitted ? outcome!.Amount : PrivacyAmount.Zero, outcome?.Refusal);
        journal.Attempts.Enqueue(attempt);
        See(asked.Account, outcome?.Account);
        return attempt;
    }

    private async Task LimitAsync(IBudgetGrain grain, AccountId account, PrivacyLimit limit)
    {
        var (told, outcome) = await TellAsync(() => grain.SetLimitAsync(limit.Epsilon.Value, CancellationToken.None), Patience, CancellationToken.None);
        journal.Limits.Enqueue(new LimitAttempt(account, limit.Amount, told, outcome?.Refusal));
        See(account, outcome?.Account);
    }

    /// <summary>The store's limit has no grain: owners set it at the ledger.</summary>
    private async Task StoreLimitAsync(PrivacyLimit limit)
    {
        Told told;
        RefusalReason? reason = null;
        try
        {
            reason = (await storeLimits.SetStoreLimitAsync(store, limit) as LedgerDecision.Refused)?.Reason;
            told = reason is null ? Told.Admitted : Told.Refused;
        }
        catch (StorageException e)
        {
            told = e is StorageOutcomeUnknownException ? Told.Unknown : Told.Failed;
        }
        journal.Limits.Enqueue(new LimitAttempt(null, limit.Amount, told, reason));
    }

    private async Task LookAsync(IBudgetGrain grain, int index)
    {
        try
        {
            // As the front door does it: an activation that goes may take its callers' messages with it.
            See(_accounts[index], await grain.GetAsync(CancellationToken.None).WithinAsync(Patience, ProblemCodes.LedgerUnavailable, CancellationToken.None));
        }
        catch (ProblemException)
        {
            // The ledger could not be read; looking changes nothing.
        }
    }

    /// <summary>What is seen of an account, late or not, is never above its limit.</summary>
    private void See(AccountId account, AccountState? state)
    {
        if (state is null)
            return;
        if (!state.Spent.FitsIn(state.Limit))
            journal.Seen.Enqueue($"{account} was seen at {state.Spent} of {state.Limit}");
        Raise(ref _spent[Array.IndexOf(_accounts, account)], state.SpentMuSquared);
        Raise(ref _sequences[Array.IndexOf(_accounts, account)], state.Sequence);
    }

    /// <summary>Reads the ledger itself all the while: nothing is ever above its limit, and nothing that is spent comes back.</summary>
    private async Task WatchAsync(CancellationToken stop)
    {
        var ledger = silos.Storage.Ledger;
        var (spent, sequences) = (new Dictionary<string, PrivacyAmount>(), new Dictionary<string, long>());
        for (var turn = 0; !stop.IsCancellationRequested; turn++)
        {
            var books = (await ledger.ReadStoreAsync(store, CancellationToken.None))!;
            Watch("the store", books.Spent, books.Limit);
            Raise(ref _storeSpent, books.Spent.MuSquared);
            if (await ledger.ReadAccountAsync(store, _accounts[turn % Accounts], CancellationToken.None) is { } budget)
            {
                Watch(budget.Account.Value, budget.Spent, budget.Limit);
                if (budget.Sequence < sequences.GetValueOrDefault(budget.Account.Value))
                    journal.Seen.Enqueue($"{budget.Account} lost an entry");
                sequences[budget.Account.Value] = budget.Sequence;
            }
            await Task.Delay(1, CancellationToken.None);
        }

        void Watch(string what, PrivacyAmount now, PrivacyAmount limit)
        {
            if (!now.FitsIn(limit))
                journal.Seen.Enqueue($"{what} stood at {now} of {limit}");
            if (!spent.GetValueOrDefault(what).FitsIn(now))
                journal.Seen.Enqueue($"{what} went back from {spent[what]} to {now}");
            spent[what] = now;
        }
    }

    private static async Task<(Told Told, ChargeOutcome? Outcome)> TellAsync(Func<Task<ChargeOutcome>> call, TimeSpan patience, CancellationToken giveUp)
    {
        try
        {
            var outcome = await call().ChargedWithinAsync(patience, giveUp);
            return (outcome.Refusal is not null ? Told.Refused : outcome.IsReplay ? Told.Replayed : Told.Admitted, outcome);
        }
        catch (ProblemException e) when (e.Code == ProblemCodes.ChargeUnknown)
        {
            return (Told.Unknown, null);
        }
        catch (ProblemException e) when (e.Code is ProblemCodes.LedgerUnavailable or ProblemCodes.Busy)
        {
            return (Told.Failed, null);
        }
        catch (OperationCanceledException)
        {
            return (Told.Unknown, null);
        }
    }

    private IBudgetGrain Grain(int silo, AccountId account) => silos.Service<IGrainFactory>(silo).GetGrain<IBudgetGrain>(GrainKey.Of(store, account.Value));

    private string Fresh() => $"request-{Interlocked.Increment(ref _requests)}";

    private Asked Remember(Random random, Asked asked) => _recent[random.Next(Remembered)] = asked;

    private static PrivacyLimit Near(Random random, PrivacyLimit[] levels, long spent) => levels[Math.Clamp(Level(levels, spent) + random.Next(-1, 3), 0, levels.Length - 1)];

    /// <summary>The lowest level that is not below an amount.</summary>
    private static int Level(PrivacyLimit[] levels, long spent)
    {
        var level = Array.FindIndex(levels, limit => limit.Amount.MuSquared >= spent);
        return level < 0 ? levels.Length - 1 : level;
    }

    private static PrivacyLimit[] Steps(double from, double to, int count) =>
        [.. Enumerable.Range(0, count).Select(i => new PrivacyLimit(new Epsilon(from * Math.Pow(to / from, i / (count - 1.0))), Delta))];

    private static void Raise(ref long seen, long value)
    {
        for (var old = Volatile.Read(ref seen); value > old;)
        {
            var was = Interlocked.CompareExchange(ref seen, value, old);
            if (was == old)
                return;
            old = was;
        }
    }
}
