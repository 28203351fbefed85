using System.Diagnostics;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Changes that this process has committed and the witness has not been told yet: per book what they follow, the first and the latest. A change is added as soon as it is
/// durable and before its outcome is told, all books of one change at once, so that the witness never has an account's without its store's.
/// </summary>
internal sealed class WitnessJournal
{
    /// <summary>How far the witness may be behind before further changes wait for it.</summary>
    public static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(1);

    /// <summary>How long they wait before they are refused.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly object _gate = new();
    private Dictionary<(StoreId, AccountId?), UntoldBook> _pending = [];
    private TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _oldest;
    private bool _isKept;

    /// <summary>Whether anything is kept: only with somebody who tells it to a witness.</summary>
    public bool IsKept => Volatile.Read(ref _isKept);

    /// <summary>Begins to keep what is added.</summary>
    public void Keep() => Volatile.Write(ref _isKept, true);

    /// <summary>Adds one change of some books.</summary>
    public void Add(params ReadOnlySpan<WitnessStep> steps)
    {
        if (!IsKept || steps.IsEmpty)
            return;
        lock (_gate)
        {
            foreach (var step in steps)
                Add(UntoldBook.Of(step));
        }
    }

    /// <summary>Takes all that is pending.</summary>
    public IReadOnlyCollection<UntoldBook> Take()
    {
        lock (_gate)
        {
            var taken = _pending;
            _pending = [];
            return taken.Values;
        }
    }

    /// <summary>What was taken is durable: whoever waited goes on.</summary>
    /// <param name="begun">When it was taken, of <see cref="Stopwatch"/>.</param>
    public void Told(long begun)
    {
        lock (_gate)
        {
            // What came since is not older than that.
            Volatile.Write(ref _oldest, _pending.Count == 0 ? 0 : begun);
            _told.TrySetResult();
            _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>There is no witness to wait for, and nothing is charged: what is pending stays, and keeps nobody.</summary>
    public void Excuse()
    {
        lock (_gate)
        {
            Volatile.Write(ref _oldest, 0);
            _told.TrySetResult();
            _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>What was taken could not be written: it is pending again.</summary>
    public void PutBack(IReadOnlyCollection<UntoldBook> books)
    {
        lock (_gate)
        {
            foreach (var book in books)
                Add(book);
        }
    }

    /// <summary>Waits while the witness is too far behind.</summary>
    /// <exception cref="StorageUnavailableException">It does not come after.</exception>
    public ValueTask ReadyAsync(CancellationToken cancellationToken) => IsBehind ? WaitAsync(cancellationToken) : ValueTask.CompletedTask;

    private bool IsBehind => Volatile.Read(ref _oldest) is > 0 and var oldest && Stopwatch.GetElapsedTime(oldest) > LongestLag;

    private async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (IsBehind)
        {
            Task told;
            lock (_gate)
                told = _told.Task;
            var left = LongestWait - Stopwatch.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
                throw new StorageUnavailableException("the ledger's witness cannot be written, and charges do not run ahead of it; nothing was charged");
            if (!IsBehind)
                return;
            await Task.WhenAny(told, Task.Delay(left, cancellationToken)).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private void Add(UntoldBook book)
    {
        // What was taken and is not told yet counts as well.
        if (_oldest == 0)
            Volatile.Write(ref _oldest, Stopwatch.GetTimestamp());
        var key = (book.Last.Store, book.Last.Account);
        _pending[key] = _pending.TryGetValue(key, out var known) ? known.With(book) : book;
    }
}
