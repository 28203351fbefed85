using System.Diagnostics;
using System.Runtime.ExceptionServices;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Tells the witness what the journal holds, every 0.4 s, of stores before their accounts. A mark that does not rise is looked into: if what the witness saw, or what this process itself committed, is not in the database, that has
/// gone back while it was in use, and the store is suspended; otherwise another process told the book meanwhile, and what is left of it is told after that. What the witness saw of a book that
/// has gone back is evidence: nothing is written over it until an acknowledgement has taken it into account.
/// </summary>
/// <param name="books">The ledger.</param>
/// <param name="witness">Its witness.</param>
/// <param name="isPaired">Whether they belong together still; nothing is told while they do not.</param>
/// <param name="suspend">Suspends a store.</param>
internal sealed class WitnessTeller(ILedgerBooks books, ILedgerWitness witness, Func<CancellationToken, Task<bool>> isPaired, Func<StoreId, string, CancellationToken, Task> suspend) : IAsyncDisposable
{
    private const int LooksAtOnce = 8;
    private const int MostRounds = 4;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(400);

    private readonly SemaphoreSlim _telling = new(1);
    private readonly CancellationTokenSource _stop = new();

    private readonly Dictionary<(StoreId Store, AccountId? Account), WitnessConflict> _held = [];
    private readonly WitnessInquiry _inquiry = new(books, witness, suspend);
    private volatile Exception? _failure;
    private bool _isFinished;
    private Task? _loop;

    /// <summary>Why the last attempt failed, or null.</summary>
    public Exception? Failure => _failure;

    /// <summary>Begins to tell.</summary>
    public void Begin() => _loop ??= Task.Run(LoopAsync);

    /// <summary>Tells what is pending now, and looks into every conflict that is not settled.</summary>
    /// <exception cref="StorageException">The witness cannot be written, or a conflict not be looked into; it is pending still.</exception>
    public async Task TellAsync(CancellationToken cancellationToken)
    {
        if (_loop is null)
            return;
        await _telling.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await TellOnceAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _telling.Release();
        }
    }

    /// <summary>Runs what writes an acknowledgement while nothing is told and nobody is suspended from here. The conflicts of the store are settled with it, as every process sees at its next look.</summary>
    public async Task<bool> AcknowledgeAsync(Func<Task<bool>> acknowledge, CancellationToken cancellationToken)
    {
        await _telling.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await acknowledge().ConfigureAwait(false);
        }
        finally
        {
            _telling.Release();
        }
    }

    /// <summary>A new witness will have seen nothing that could be contradicted.</summary>
    public async Task ForgetAsync(CancellationToken cancellationToken)
    {
        await _telling.WaitAsync(cancellationToken).ConfigureAwait(false);
        _held.Clear();
        _telling.Release();
    }

    /// <summary>Stops telling by itself, after a last time while the database can still be looked into.</summary>
    public async Task FinishAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_loop is null)
            return;
        await _loop.ConfigureAwait(false);
        await TryTellAsync().ConfigureAwait(false);
        _isFinished = true;
    }

    /// <summary>Tells what is left, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await FinishAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task TryTellAsync()
    {
        try
        {
            await TellAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (StorageException)
        {
            // The next start finds the database ahead of its witness, and tells it then; or it finds what is held, which the witness still has.
        }
    }

    private async Task TellOnceAsync(CancellationToken cancellationToken)
    {
        // The database may be closed by the last time; that they belong together was seen just before.
        if (_isFinished ? books.Gate.Reason is not null : !await isPaired(cancellationToken).ConfigureAwait(false))
        {
            books.Journal.Excuse();
            return;
        }
        var began = Stopwatch.GetTimestamp();
        var untold = books.Journal.Take();
        if (untold.Count == 0 && _held.Count == 0)
            return;
        // Marks that merely came late leave the later ones of their books to be told, and accounts wait for their store.
        for (var round = 0; round < MostRounds && (round == 0 || untold.Count > 0); round++)
            untold = await TellRoundAsync(untold, cancellationToken).ConfigureAwait(false);
        books.Journal.PutBack(untold);
        books.Journal.Told(began);
    }

    /// <returns>What is left to be told.</returns>
    private async Task<IReadOnlyCollection<UntoldBook>> TellRoundAsync(IReadOnlyCollection<UntoldBook> untold, CancellationToken cancellationToken)
    {
        var waiting = await RaiseStoresFirstAsync(untold, cancellationToken).ConfigureAwait(false);
        try
        {
            var late = await LookAsync(cancellationToken).ConfigureAwait(false);
            // Of one book there may be both.
            return [.. late.Concat(waiting).GroupBy(Key, (_, ofBook) => ofBook.Aggregate((one, other) => one.With(other)))];
        }
        catch
        {
            books.Journal.PutBack(waiting);
            throw;
        }
    }

    /// <summary>
    /// Tells of stores and then of their accounts, so that what the witness has of an account is part of what it has of the store, or of evidence of that: whoever acknowledges finds each charge in the one or, untold, in the entries.
    /// </summary>
    /// <returns>Those of accounts that wait for what contradicts the witness about their store.</returns>
    private async Task<List<UntoldBook>> RaiseStoresFirstAsync(IReadOnlyCollection<UntoldBook> untold, CancellationToken cancellationToken)
    {
        var ofAccounts = untold.Where(book => book.Last.Account is not null).ToList();
        try
        {
            await RaiseAsync(untold.Where(book => book.Last.Account is null), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            books.Journal.PutBack(ofAccounts);
            throw;
        }
        var waiting = ofAccounts.Where(book => _held.TryGetValue((book.Last.Store, null), out var own) && own.Told != own.Own).ToList();
        try
        {
            await RaiseAsync(ofAccounts.Except(waiting), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            books.Journal.PutBack(waiting);
            throw;
        }
        return waiting;
    }

    private async Task RaiseAsync(IEnumerable<UntoldBook> untold, CancellationToken cancellationToken)
    {
        var free = new List<UntoldBook>();
        foreach (var book in untold)
        {
            if (_held.TryGetValue(Key(book), out var held))
                _held[Key(book)] = held.With(book);
            else
                free.Add(book);
        }
        if (free.Count == 0)
            return;
        IReadOnlyList<WitnessMark> conflicts;
        try
        {
            conflicts = await witness.RaiseAsync([.. free.Select(book => new WitnessStep(book.From, book.Last))], cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            books.Journal.PutBack(free);
            throw;
        }
        if (conflicts.Count == 0)
            return;
        var told = free.ToDictionary(Key);
        foreach (var seen in conflicts)
            _held.Add((seen.Store, seen.Account), new WitnessConflict(seen, told[(seen.Store, seen.Account)]));
    }

    /// <summary>Looks into every conflict, and lets go of what merely came late.</summary>
    /// <returns>What is to be told of the books that were let go.</returns>
    private async Task<List<UntoldBook>> LookAsync(CancellationToken cancellationToken)
    {
        var (late, failed) = (new List<UntoldBook>(), default(Exception));
        foreach (var some in _held.ToList().Chunk(LooksAtOnce))
        {
            foreach (var (book, found, failure) in await Task.WhenAll(some.Select(held => LookAsync(held.Key, held.Value, cancellationToken))).ConfigureAwait(false))
            {
                // What the others left to be told is not forgotten with it.
                failed ??= failure;
                if (found is not null)
                {
                    _held[book] = found;
                    continue;
                }
                if (_held.Remove(book, out var settled) && settled.Own.After(settled.Seen) is { } rest)
                    late.Add(rest);
            }
        }
        if (failed is null)
            return late;
        books.Journal.PutBack(late);
        ExceptionDispatchInfo.Throw(failed);
        return [];
    }

    private async Task<((StoreId, AccountId?) Book, WitnessConflict? Found, Exception? Failure)> LookAsync(
        (StoreId, AccountId?) book, WitnessConflict conflict, CancellationToken cancellationToken)
    {
        try
        {
            return (book, await _inquiry.LookAsync(conflict, cancellationToken).ConfigureAwait(false), null);
        }
        catch (Exception failure)
        {
            return (book, conflict, failure);
        }
    }

    private static (StoreId, AccountId?) Key(UntoldBook book) => (book.Last.Store, book.Last.Account);

    private async Task LoopAsync()
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                try
                {
                    await TellAsync(_stop.Token).ConfigureAwait(false);
                    // Nothing was told where the database is no longer this witness's.
                    _failure = books.Gate.Reason is { } reason ? new StorageUnavailableException(reason) : null;
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    _failure = failure;
                    // Pending still: changes wait for it, and are refused when it does not come.
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
