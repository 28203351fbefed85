using System.Diagnostics;
using System.Runtime.ExceptionServices;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Tells the witness what the journal holds, every 0.4 s. A mark that does not rise is looked into: if what the witness saw is not in the database, that has gone back while it
/// was in use, and the store is suspended. What the witness saw of such a book is evidence: nothing is written over it until an acknowledgement has taken it into account.
/// </summary>
/// <param name="books">The ledger.</param>
/// <param name="witness">Its witness.</param>
/// <param name="isPaired">Whether they belong together still; nothing is told while they do not.</param>
/// <param name="suspend">Suspends a store.</param>
internal sealed class WitnessTeller(ILedgerBooks books, ILedgerWitness witness, Func<CancellationToken, Task<bool>> isPaired, Func<StoreId, string, CancellationToken, Task> suspend) : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(400);

    private readonly SemaphoreSlim _telling = new(1);
    private readonly CancellationTokenSource _stop = new();

    // Books with a conflict: what the witness saw, and the latest state that it was not told because of that.
    private readonly Dictionary<(StoreId Store, AccountId? Account), (WitnessMark Seen, WitnessMark Latest)> _held = [];
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

    /// <summary>Runs what writes an acknowledgement while nothing is told and nobody is suspended; where it did, the conflicts of the store are settled with it.</summary>
    public async Task<bool> AcknowledgeAsync(StoreId store, Func<Task<bool>> acknowledge, CancellationToken cancellationToken)
    {
        await _telling.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!await acknowledge().ConfigureAwait(false))
                return false;
            foreach (var book in _held.Keys.Where(book => book.Store == store).ToList())
                _held.Remove(book);
            return true;
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

    /// <summary>Whether what the witness saw of a book is not, or no longer, in the database.</summary>
    public static async Task<bool> IsLostAsync(ILedgerBooks books, WitnessMark seen, CancellationToken cancellationToken)
    {
        var now = await books.ReadMarkAsync(seen.Store, seen.Account, cancellationToken).ConfigureAwait(false);
        if (now is null || now.Version < seen.Version || !seen.Spent.FitsIn(now.Spent))
            return true;
        if (now.Version == seen.Version)
            return !now.IsSameState(seen);
        // Of a store's total only the newest state has a MAC to compare.
        return seen.Account is { } account
            && (await books.ReadEntryMacAsync(seen.Store, account, seen.Version, cancellationToken).ConfigureAwait(false) is not { } mac || !seen.Mac.Span.SequenceEqual(mac));
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
        var marks = books.Journal.Take();
        if (marks.Count == 0 && _held.Count == 0)
            return;
        await RaiseAsync(marks, cancellationToken).ConfigureAwait(false);
        // Marks that merely came late leave the later ones of their books to be told.
        if (await LookAsync(cancellationToken).ConfigureAwait(false) is { Count: > 0 } late)
        {
            await RaiseAsync(late, cancellationToken).ConfigureAwait(false);
            books.Journal.PutBack(await LookAsync(cancellationToken).ConfigureAwait(false));
        }
        books.Journal.Told(began);
    }

    private async Task RaiseAsync(List<WitnessMark> marks, CancellationToken cancellationToken)
    {
        var free = new List<WitnessMark>(marks.Count);
        foreach (var mark in marks)
        {
            if (!Hold(mark))
                free.Add(mark);
        }
        if (free.Count == 0)
            return;
        IReadOnlyList<WitnessMark> conflicts;
        try
        {
            conflicts = await witness.RaiseAsync(free, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            books.Journal.PutBack(free);
            throw;
        }
        if (conflicts.Count == 0)
            return;
        foreach (var seen in conflicts)
            _held.TryAdd((seen.Store, seen.Account), (seen, seen));
        foreach (var mark in free)
            Hold(mark);
    }

    /// <summary>Keeps a mark of a book with a conflict.</summary>
    private bool Hold(WitnessMark mark)
    {
        if (!_held.TryGetValue((mark.Store, mark.Account), out var held))
            return false;
        if (mark.Version > held.Latest.Version)
            _held[(mark.Store, mark.Account)] = (held.Seen, mark);
        return true;
    }

    /// <summary>Looks into every conflict: suspends stores whose database has gone back, again should somebody have removed that, and lets go of what merely came late.</summary>
    /// <returns>What is to be told of the books that were let go.</returns>
    private async Task<List<WitnessMark>> LookAsync(CancellationToken cancellationToken)
    {
        var late = new List<WitnessMark>();
        Exception? failed = null;
        foreach (var (book, (seen, latest)) in _held.ToList())
        {
            try
            {
                if (await books.ReadSuspensionAsync(book.Store, cancellationToken).ConfigureAwait(false) is not null)
                    continue;
                if (await IsLostAsync(books, seen, cancellationToken).ConfigureAwait(false))
                {
                    await suspend(book.Store, new LedgerFault(LedgerFaultKind.Behind, 1).Text, cancellationToken).ConfigureAwait(false);
                    continue;
                }
            }
            catch (Exception failure)
            {
                // What the others left to be told is not forgotten with it.
                failed = failure;
                continue;
            }
            _held.Remove(book);
            if (latest.Version > seen.Version)
                late.Add(latest);
        }
        if (failed is null)
            return late;
        books.Journal.PutBack(late);
        ExceptionDispatchInfo.Throw(failed);
        return [];
    }

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
