using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Watches over a ledger: verifies every store after a start and compares it with its witness before charges are taken, tells the witness what was committed, suspends
/// what is not what it was, and writes what an operator acknowledges. The same on every database.
/// </summary>
public sealed partial class LedgerGuard
{
    /// <summary>The action of the audit line when a store is suspended.</summary>
    public const string SuspendAction = "ledger.suspend";

    /// <summary>The action of the audit line when that is acknowledged.</summary>
    public const string AcknowledgeAction = "ledger.acknowledge";

    /// <summary>Stands in the audit log for an actor.</summary>
    public const string Actor = "guard";

    private const int Page = 1000;
    private static readonly LedgerFault WitnessLost = new(LedgerFaultKind.WitnessLost, 0);

    private readonly ILedgerBooks _books;
    private readonly ILedgerWitness? _witness;
    private readonly TimeProvider _clock;
    private readonly WitnessPairing? _pairing;
    private readonly WitnessTeller? _teller;
    private readonly WitnessSweep? _sweep;
    private readonly WitnessSeal? _seal;
    private readonly SemaphoreSlim _acknowledging = new(1);
    private readonly SemaphoreSlim _starting = new(1);
    private readonly SemaphoreSlim _verifying = new(1);
    private readonly Queue<StoreId> _unverified = [];
    private bool _isStarted;
    private volatile bool _isPaired;

    internal LedgerGuard(ILedgerBooks books, ILedgerWitness? witness, TimeProvider clock)
    {
        (_books, _witness, _clock) = (books, witness, clock);
        if (witness is null)
            return;
        // Before anything is asked: charges wait for the verification.
        books.Gate.Shut();
        books.Journal.Keep();
        _pairing = new WitnessPairing(books, witness);
        _seal = new WitnessSeal(books, witness);
        _teller = new WitnessTeller(books, witness, IsPairedStillAsync, SuspendAsync);
        _sweep = new WitnessSweep(books, witness, SuspendAsync);
    }

    /// <summary>Why the witness could not be told what was committed, or null while all is well. Charges do not run ahead of it for more than about a second.</summary>
    public Exception? WitnessFailure => _teller?.Failure;

    /// <summary>
    /// Pairs the database with its witness, which is fast whatever the ledger holds, and begins to tell it what is committed. Charges of stores that have
    /// books are refused as unavailable until <see cref="VerifyPendingAsync"/> has come to them. Without a witness nothing is refused.
    /// </summary>
    /// <exception cref="StorageException">The database or the witness cannot be read.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (_witness is null)
            return;
        await _starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_isStarted)
                return;
            _isPaired = await _pairing!.TryPairAsync(cancellationToken).ConfigureAwait(false);
            if (!_isPaired)
                _books.Gate.Reason = WitnessLost.Text;
            await foreach (var store in ListStoresAsync(cancellationToken).ConfigureAwait(false))
                _unverified.Enqueue(store);
            _books.Gate.Open(_unverified);
            if (_isPaired)
                _teller!.Begin();
            _isStarted = true;
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>
    /// Looks again whether the database and its witness belong together, after another process may have paired them anew. Changes nothing while they do not.
    /// </summary>
    /// <exception cref="StorageException">The database or the witness cannot be read.</exception>
    public async Task LookAgainAsync(CancellationToken cancellationToken = default)
    {
        if (_witness is null || _isPaired || !_isStarted)
            return;
        if (!await _pairing!.IsPairedAsync(cancellationToken).ConfigureAwait(false))
            return;
        // What was found, or not looked for, without the witness is looked for again.
        await _verifying.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _isPaired = true;
            await foreach (var store in ListStoresAsync(cancellationToken).ConfigureAwait(false))
                _unverified.Enqueue(store);
            _books.Gate.Open(_unverified);
            GoOnPaired();
        }
        catch
        {
            _isPaired = false;
            throw;
        }
        finally
        {
            _verifying.Release();
        }
    }

    /// <summary>Verifies the stores that were there at the start, one after the other; each takes charges from then on, unless something was found.</summary>
    /// <param name="found">Told each report.</param>
    /// <param name="cancellationToken">Stops; what was not verified stays refused. May be called again.</param>
    /// <exception cref="StorageException">The database or the witness cannot be read; the store that it failed on is still to be verified.</exception>
    public async Task VerifyPendingAsync(Action<LedgerReport>? found = null, CancellationToken cancellationToken = default)
    {
        await _verifying.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (_unverified.TryPeek(out var store))
            {
                var report = await VerifyAsync(store, cancellationToken).ConfigureAwait(false);
                _books.Gate.Admit(store);
                _unverified.Dequeue();
                found?.Invoke(report);
            }
        }
        finally
        {
            _verifying.Release();
        }
    }

    /// <summary>
    /// Compares some more books with their marks, up to 5,000 at each call, and tells the witness of what it was not told: such as the last second of a process that died. To be called
    /// every few seconds by every process that shares a database. What has gone back is suspended. Does nothing before all stores were verified, or without a witness.
    /// </summary>
    /// <exception cref="StorageException">The database or the witness cannot be read; the next call goes on at the same place.</exception>
    public async Task CompareSomeAsync(CancellationToken cancellationToken = default)
    {
        if (_sweep is null)
            return;
        await _verifying.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_isStarted && _isPaired && _unverified.Count == 0)
                await _sweep.GoOnAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _verifying.Release();
        }
    }

    /// <summary>Stores that have books, or marks at the witness.</summary>
    public async IAsyncEnumerable<StoreId> ListStoresAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        StoreId? last = null;
        while (await _books.ListStoresAsync(last, Page, cancellationToken).ConfigureAwait(false) is { Count: > 0 } stores)
        {
            foreach (var store in stores)
                yield return store;
            last = stores[^1];
        }
        last = null;
        while (_isPaired && await _witness!.ListStoresAsync(last, Page, cancellationToken).ConfigureAwait(false) is { Count: > 0 } stores)
        {
            foreach (var store in stores)
            {
                if (await _books.ReadMarkAsync(store, null, cancellationToken).ConfigureAwait(false) is null)
                    yield return store;
            }
            last = stores[^1];
        }
    }

    /// <summary>Why a store is suspended, in words for users; null when it is not.</summary>
    public async Task<string?> ReadSuspensionAsync(StoreId store, CancellationToken cancellationToken = default) =>
        await _books.ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false) ?? _books.Gate.Reason;

    /// <summary>Whether no store at all takes charges, because database and witness do not belong together.</summary>
    public bool RefusesAll => _books.Gate.Reason is not null;

    /// <summary>How many stores are suspended.</summary>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    public Task<long> CountSuspendedAsync(CancellationToken cancellationToken = default) => _books.CountSuspendedAsync(cancellationToken);

    /// <summary>Requires that this process has verified a store and that it is not suspended, for what must not go on in a database that may be an older copy.</summary>
    /// <exception cref="StorageUnavailableException">It is still to be verified, or the database cannot be read.</exception>
    /// <exception cref="LedgerSuspendedException">It is suspended; the message says why.</exception>
    public async Task RequireOpenAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        _books.Gate.RequireVerified(store);
        if (await ReadSuspensionAsync(store, cancellationToken).ConfigureAwait(false) is { } reason)
            throw new LedgerSuspendedException(reason);
    }

    /// <summary>Tells the witness at once what it would be told within a moment.</summary>
    internal Task TellAsync(CancellationToken cancellationToken = default) => _teller is null ? Task.CompletedTask : _teller.TellAsync(cancellationToken);

    /// <summary>Before the database is closed: looks a last time into what contradicts the witness, and stops telling by itself.</summary>
    internal Task FinishAsync() => _teller is null ? Task.CompletedTask : _teller.FinishAsync();

    /// <summary>Tells the witness what is left, and stops telling.</summary>
    internal async ValueTask StopAsync()
    {
        if (_teller is not null)
            await _teller.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Asked before anything is told: whoever has begun another witness for the database has closed it for those that keep this one.</summary>
    private async Task<bool> IsPairedStillAsync(CancellationToken cancellationToken)
    {
        if (!_isPaired)
            return false;
        if (await _pairing!.IsPairedAsync(cancellationToken).ConfigureAwait(false))
            return true;
        _books.Gate.Reason = WitnessLost.Text;
        _isPaired = false;
        return false;
    }

    private void GoOnPaired()
    {
        _isPaired = true;
        _books.Gate.Reason = null;
        _teller!.Begin();
    }
}
