using System.Diagnostics;
using System.Threading.Channels;
using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>
/// Charges of the accounts that fall to one connection. Whatever waits is decided in one transaction and shares its flush; what the accounts' slabs do not cover goes on to a
/// second one with the stores' rows, and near a store's limit to a third that takes unused slabs back. When a transaction fails on one of its rows, each account is tried alone: no charge fails because of another.
/// </summary>
internal sealed class ChargeLane : IAsyncDisposable
{
    private const int LargestBatch = 512;

    /// <summary>Each of its stores is a lock of its own in the server's table, which is bounded.</summary>
    internal const int MostStores = 128;

    private static readonly TimeSpan LongestLinger = TimeSpan.FromMicroseconds(500);
    private static readonly TimeSpan LongestTakingBack = TimeSpan.FromSeconds(3);

    private readonly PostgresDatabase _database;
    private readonly PostgresLedgerBooks _books;
    private readonly TimeProvider _clock;
    private readonly int _capacity;
    private readonly Channel<ChargeRequest> _queue;
    private readonly Task _loop;
    private volatile bool _isClosed;

    public ChargeLane(PostgresDatabase database, PostgresLedgerBooks books, TimeProvider clock, int capacity)
    {
        (_database, _books, _clock, _capacity) = (database, books, clock, capacity);
        _queue = Channel.CreateBounded<ChargeRequest>(new BoundedChannelOptions(capacity) { SingleReader = true });
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Queues a charge and returns the decision once it is durable.</summary>
    /// <exception cref="StorageException">As for every change of the ledger.</exception>
    /// <exception cref="OperationCanceledException">Given up before it began.</exception>
    public async Task<LedgerDecision> DecideAsync(ChargeRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_queue.Writer.TryWrite(request))
        {
            throw _isClosed
                ? new StorageUnavailableException($"{request.Name}: the storage is closed; nothing was changed")
                : new StorageBusyException($"{request.Name}: {_capacity} charges are waiting, the most that the queue takes; nothing was changed");
        }
        await using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((ChargeRequest)state!).GiveUp(token), request).ConfigureAwait(false);
        return await request.Outcome.ConfigureAwait(false);
    }

    /// <summary>Decides what is queued, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _isClosed = true;
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var batch = new List<ChargeRequest>();
        var stores = new HashSet<string>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            // Nobody else reads: what is peeked at is what is read.
            while (batch.Count < LargestBatch && _queue.Reader.TryPeek(out var next) && (stores.Count < MostStores || stores.Contains(next.Store)) && _queue.Reader.TryRead(out var request))
            {
                if (!request.TryBegin())
                    continue;
                batch.Add(request);
                stores.Add(request.Store);
            }
            await DecideBatchAsync(batch).ConfigureAwait(false);
            var told = batch.Count;
            batch.Clear();
            stores.Clear();
            await AwaitCompanyAsync(told).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Gives those who were just told their outcome a moment to come back with their next charge, so that they share one transaction instead of forming two groups that wait
    /// for each other.
    /// </summary>
    private async Task AwaitCompanyAsync(int expected)
    {
        var start = Stopwatch.GetTimestamp();
        while (_queue.Reader.Count is > 0 and var count && count < expected && Stopwatch.GetElapsedTime(start) < LongestLinger)
            await Task.Yield();
    }

    private async Task DecideBatchAsync(IReadOnlyList<ChargeRequest> batch)
    {
        var unsettled = batch.Where(request => _books.Unsettled.Holds(request.Store, request.Account)).ToList();
        if (unsettled.Count > 0)
        {
            var settled = (await SettleAsync(unsettled).ConfigureAwait(false)).ToHashSet();
            batch = [.. batch.Where(request => settled.Contains(request) || !unsettled.Contains(request))];
        }
        var left = await TransactAsync(batch, ChargeReach.Slabs).ConfigureAwait(false);
        left = await TransactAsync(left, ChargeReach.Store).ConfigureAwait(false);
        // Each round takes back so many slabs; whoever would be refused waits until there are none left.
        for (var began = Stopwatch.GetTimestamp(); left.Count > 0 && Stopwatch.GetElapsedTime(began) < LongestTakingBack;)
            left = await TransactAsync(left, ChargeReach.Everything).ConfigureAwait(false);
        foreach (var request in left)
            request.Fail(new StorageUnavailableException($"{request.Name}: the store is near its limit, and taking back what accounts hold of it unused took too long; nothing was changed, try again"));
    }

    /// <summary>Decides charges in one transaction and tells their outcomes.</summary>
    /// <returns>Those that a transaction with a farther reach has to decide.</returns>
    private async Task<IReadOnlyList<ChargeRequest>> TransactAsync(IReadOnlyList<ChargeRequest> requests, ChargeReach reach)
    {
        if (requests.Count == 0)
            return requests;
        var name = requests[0].Name;
        try
        {
            var outcomes = await _database.TransactAsync(name, session => DecideAsync(session, requests, reach), made => _books.Journal.Add([.. made.Marks])).ConfigureAwait(false);
            foreach (var tell in outcomes.Told)
                tell();
            // Whoever made a charge that is replayed, here or in another process, may never have learnt whether it is durable, nor told the witness.
            foreach (var request in await SettleAsync([.. outcomes.Replays.Keys]).ConfigureAwait(false))
                request.Complete(outcomes.Replays[request]);
            return outcomes.Left;
        }
        catch (Exception failure) when (IsOfOneRow(failure) && requests.Select(request => (request.Store, request.Account)).Distinct().Skip(1).Any())
        {
            var left = new List<ChargeRequest>();
            foreach (var account in requests.GroupBy(request => (request.Store, request.Account)))
                left.AddRange(await TransactAsync([.. account], reach).ConfigureAwait(false));
            return left;
        }
        catch (Exception failure)
        {
            // A defect of this class must not end the lane, nor leave anybody waiting.
            var told = failure as StorageException ?? new StorageOutcomeUnknownException($"{name}: the lane failed; whether the change was made is unknown", failure);
            if (told is StorageOutcomeUnknownException)
                _books.Unsettled.Add(requests.Select(request => (request.Store, request.Account)));
            foreach (var request in requests)
                request.Fail(told);
            return [];
        }
    }

    /// <summary>Makes sure of the accounts of some charges; those of whom that is not possible now are told so.</summary>
    /// <returns>The others.</returns>
    private async Task<IReadOnlyList<ChargeRequest>> SettleAsync(IReadOnlyList<ChargeRequest> requests)
    {
        if (requests.Count == 0)
            return requests;
        var accounts = requests.Select(request => (request.Store, request.Account)).Distinct().ToList();
        try
        {
            await _books.SettleAsync(accounts).ConfigureAwait(false);
            return requests;
        }
        catch (Exception failure) when (IsOfOneRow(failure) && accounts.Count > 1)
        {
            var settled = new List<ChargeRequest>();
            foreach (var account in requests.GroupBy(request => (request.Store, request.Account)))
                settled.AddRange(await SettleAsync([.. account]).ConfigureAwait(false));
            return settled;
        }
        catch (Exception failure)
        {
            foreach (var request in requests)
                request.Fail(failure as StorageException ?? new StorageOutcomeUnknownException($"{request.Name}: the lane failed; whether the change was made is unknown", failure));
            return [];
        }
    }

    private async Task<(bool, Outcomes)> DecideAsync(PostgresSession session, IReadOnlyList<ChargeRequest> requests, ChargeReach reach)
    {
        var view = await ChargeView.ReadAsync(session, _database.Schema, requests, reach).ConfigureAwait(false);
        var decisions = new ChargeDecisions(view, reach, _books, _clock);
        var (told, left, replays) = (new List<Action>(requests.Count), new List<ChargeRequest>(), new Dictionary<ChargeRequest, LedgerDecision>());
        foreach (var request in requests)
        {
            try
            {
                var decided = decisions.Decide(request);
                if (decided is LedgerDecision.Admitted { IsReplay: true })
                    replays[request] = decided;
                else if (decided is { } decision)
                    told.Add(() => request.Complete(decision));
                else
                    left.Add(request);
            }
            catch (Exception failure)
            {
                // Its own: nothing of it was put among the changes.
                told.Add(() => request.Fail(failure));
            }
        }
        if (decisions.Changes.IsEmpty)
            return (false, new Outcomes(told, left, replays, []));
        var (statements, marks) = decisions.Changes.Write();
        session.ExecuteLast(statements);
        return (true, new Outcomes(told, left, replays, marks));
    }

    /// <summary>Whether one of several rows may have been what a transaction failed on: one that is locked elsewhere, or is not what was read.</summary>
    private static bool IsOfOneRow(Exception failure) => failure is StorageCorruptException
        || failure is StorageUnavailableException { InnerException: PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled } };

    private sealed record Outcomes(List<Action> Told, List<ChargeRequest> Left, Dictionary<ChargeRequest, LedgerDecision> Replays, List<WitnessStep> Marks);
}
