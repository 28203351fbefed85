using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>A change that waits for the writer. It may be executed twice (once in a group that failed, once alone); its outcome is told once.</summary>
internal abstract class WriteOperation(string name, int bytes)
{
    private const int Queued = 0;
    private const int Begun = 1;
    private const int GivenUp = 2;

    private int _state;

    /// <summary>What it does, for messages.</summary>
    public string Name => name;

    /// <summary>What it holds in memory.</summary>
    public int Bytes => bytes;

    /// <summary>Whether the latest execution failed on its own account and must be undone.</summary>
    public abstract bool IsRefused { get; }

    /// <summary>Takes it from the queue; false when the caller gave up first.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Begun, Queued) == Queued;

    /// <summary>The caller gives up: not executed if still queued, otherwise of unknown outcome.</summary>
    public void GiveUp(CancellationToken cancellationToken)
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Queued) == Queued)
            SetCancelled(cancellationToken);
        else
            Fail(new StorageOutcomeUnknownException($"{name}: given up after it had begun; whether the change was made is unknown"));
    }

    /// <summary>Executes inside the writer's transaction and keeps the result. Failures of the database itself are thrown.</summary>
    public abstract void Execute(SqliteSession session);

    /// <summary>Tells the outcome, now that it is durable.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception failure);

    protected abstract void SetCancelled(CancellationToken cancellationToken);
}

/// <inheritdoc/>
/// <param name="name">What it does, for messages.</param>
/// <param name="bytes">What it holds in memory.</param>
/// <param name="work">Reads and writes.</param>
/// <param name="committed">Told the result as soon as it is durable, before its outcome is; also when nobody waits for that any more.</param>
internal sealed class WriteOperation<T>(string name, int bytes, Func<SqliteSession, T> work, Action<T>? committed) : WriteOperation(name, bytes)
{
    private readonly TaskCompletionSource<T> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;
    private Exception? _refusal;

    public Task<T> Outcome => _outcome.Task;

    public override bool IsRefused => _refusal is not null;

    public override void Execute(SqliteSession session)
    {
        _refusal = null;
        try
        {
            _result = work(session);
        }
        catch (SqliteException failure) when (SqliteFailure.IsConstraint(failure))
        {
            _refusal = SqliteFailure.Unchanged(Name, failure);
        }
        catch (Exception refusal) when (refusal is not SqliteException)
        {
            _refusal = refusal;
        }
    }

    public override void Complete()
    {
        if (_refusal is not null)
        {
            _outcome.TrySetException(_refusal);
            return;
        }
        committed?.Invoke(_result!);
        _outcome.TrySetResult(_result!);
    }

    public override void Fail(Exception failure) => _outcome.TrySetException(failure);

    protected override void SetCancelled(CancellationToken cancellationToken) => _outcome.TrySetCanceled(cancellationToken);
}
