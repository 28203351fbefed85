using System.Diagnostics;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Committed changes that the witness has not been told yet: per book the first and the latest since it was last told. A change is added as soon as it is
/// durable and before its outcome is told, all books of one change at once, so that the witness never has an account's without its store's.
/// </summary>
internal sealed class WitnessJournal
{
    /// <summary>How far the witness may be behind before further changes wait for it.</summary>
    public static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(1);

    /// <summary>How long they wait before they are refused.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly object _gate = new();
    private Dictionary<(StoreId, AccountId?), (WitnessMark First, WitnessMark Last)> _pending = [];
    private TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _oldest;
    private bool _isKept;

    /// <summary>Whether anything is kept: only with somebody who tells it to a witness.</summary>
    public bool IsKept => Volatile.Read(ref _isKept);

    /// <summary>Begins to keep what is added.</summary>
    public void Keep() => Volatile.Write(ref _isKept, true);

    /// <summary>Adds one change's marks.</summary>
    public void Add(params ReadOnlySpan<WitnessMark> marks)
    {
        if (!IsKept || marks.IsEmpty)
            return;
        lock (_gate)
        {
            // What was taken and is not told yet counts as well.
            if (_oldest == 0)
                Volatile.Write(ref _oldest, Stopwatch.GetTimestamp());
            foreach (var mark in marks)
            {
                var book = (mark.Store, mark.Account);
                _pending[book] = _pending.TryGetValue(book, out var known)
                    ? (known.First.Version <= mark.Version ? known.First : mark, known.Last.Version >= mark.Version ? known.Last : mark)
                    : (mark, mark);
            }
        }
    }

    /// <summary>Takes all that is pending, in ascending order of each book.</summary>
    public List<WitnessMark> Take()
    {
        Dictionary<(StoreId, AccountId?), (WitnessMark First, WitnessMark Last)> taken;
        lock (_gate)
        {
            taken = _pending;
            _pending = [];
        }
        var marks = new List<WitnessMark>(taken.Count);
        foreach (var (first, last) in taken.Values)
        {
            if (!ReferenceEquals(first, last))
                marks.Add(first);
            marks.Add(last);
        }
        return marks;
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
    public void PutBack(List<WitnessMark> marks) => Add([.. marks]);

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
}
