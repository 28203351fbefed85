using System.Diagnostics;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Tells the witness what the journal holds, every 0.4 s. A mark that does not rise is looked into: if what the witness saw is not in the database, that
/// has gone back while it was in use, and the store is suspended.
/// </summary>
internal sealed class WitnessTeller(ILedgerBooks books, ILedgerWitness witness, Func<StoreId, string, CancellationToken, Task> suspend) : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(400);

    private readonly SemaphoreSlim _telling = new(1);
    private readonly CancellationTokenSource _stop = new();
    private volatile Exception? _failure;
    private Task? _loop;

    /// <summary>Why the last attempt failed, or null.</summary>
    public Exception? Failure => _failure;

    /// <summary>Begins to tell.</summary>
    public void Begin() => _loop ??= Task.Run(LoopAsync);

    /// <summary>Tells what is pending now.</summary>
    /// <exception cref="StorageException">The witness cannot be written; it is pending still.</exception>
    public async Task TellAsync(CancellationToken cancellationToken)
    {
        if (_loop is null)
            return;
        var conflicts = await RaiseAsync(cancellationToken).ConfigureAwait(false);
        foreach (var seen in conflicts)
        {
            if (await IsLostAsync(books, seen, cancellationToken).ConfigureAwait(false))
                await suspend(seen.Store, new LedgerFault(LedgerFaultKind.Behind, 1).Text, cancellationToken).ConfigureAwait(false);
        }
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

    /// <summary>Tells what is left, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_loop is not null)
        {
            await _loop.ConfigureAwait(false);
            try
            {
                await RaiseAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (StorageException)
            {
                // The next start finds the database ahead of its witness, and tells it then.
            }
        }
        _stop.Dispose();
    }

    private async Task<IReadOnlyList<WitnessMark>> RaiseAsync(CancellationToken cancellationToken)
    {
        await _telling.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var began = Stopwatch.GetTimestamp();
            var marks = books.Journal.Take();
            if (marks.Count == 0)
                return [];
            try
            {
                var conflicts = await witness.RaiseAsync(marks, cancellationToken).ConfigureAwait(false);
                books.Journal.Told(began);
                return conflicts;
            }
            catch
            {
                books.Journal.PutBack(marks);
                throw;
            }
        }
        finally
        {
            _telling.Release();
        }
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
                    _failure = null;
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
