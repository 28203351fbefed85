using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>
/// The one thread that writes. Whatever is queued runs in one transaction, each operation in a savepoint of its own, and is told its outcome
/// after one flush. When the transaction as a whole fails, each of its operations is tried again alone, so that one too large for
/// the disk does not take the others with it.
/// </summary>
internal sealed class SqliteWriter : IDisposable
{
    private const int LargestBatch = 1024;
    private const long LargestBatchBytes = 8 << 20;
    private static readonly TimeSpan LongWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ErasureWait = TimeSpan.FromMilliseconds(200);

    private readonly SqliteSession _session;
    private readonly WriteQueue _queue;
    private readonly Thread _thread;
    private Exception? _broken;

    public SqliteWriter(SqliteSession session, int queueCapacity, long queueBytes)
    {
        _session = session;
        _queue = new WriteQueue(queueCapacity, queueBytes);
        _thread = new Thread(Run) { Name = "dpattn storage writer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>For tests: runs in place of the flush's beginning, and may throw what a failing disk would.</summary>
    internal Action? BeforeFlush { get; set; }

    /// <summary>For tests: runs before a batch is executed.</summary>
    internal Action? BeforeBatch { get; set; }

    /// <summary>Queues work and returns its result once it is durable.</summary>
    /// <param name="name">What it does, for messages.</param>
    /// <param name="bytes">What it holds in memory while it waits.</param>
    /// <param name="work">Reads and writes in the writer's transaction; run twice if the first transaction fails.</param>
    /// <param name="cancellationToken">Not executed if cancelled while queued; afterwards the outcome is unknown.</param>
    public async Task<T> RunAsync<T>(string name, int bytes, Func<SqliteSession, T> work, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var operation = new WriteOperation<T>(name, bytes, work);
        _queue.Add(operation);
        await using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((WriteOperation)state!).GiveUp(token), operation).ConfigureAwait(false);
        return await operation.Outcome.ConfigureAwait(false);
    }

    /// <summary>Carries out what is queued, then ends the thread and the connection.</summary>
    public void Dispose()
    {
        _queue.Close();
        _thread.Join();
        _session.Dispose();
    }

    private void Run()
    {
        var batch = new List<WriteOperation>();
        while (_queue.Take(batch, LargestBatch, LargestBatchBytes, _session.HasErased ? ErasureWait : LongWait))
        {
            if (batch.Count > 0)
                Commit(batch);
            else if (_session.HasErased)
                EmptyLog();
            batch.Clear();
        }
        if (_session.HasErased)
            EmptyLog();
    }

    private void Commit(List<WriteOperation> batch)
    {
        BeforeBatch?.Invoke();
        if (TryCommit(batch) is not { } failure)
            return;
        foreach (var operation in batch)
        {
            var alone = batch.Count == 1 ? failure : TryCommit([operation]);
            if (alone is not null)
                operation.Fail(SqliteFailure.Unchanged(operation.Name, alone));
        }
    }

    /// <summary>One transaction and one flush. Tells the outcomes unless it fails with nothing changed, and then returns why.</summary>
    private SqliteException? TryCommit(List<WriteOperation> operations)
    {
        if (_broken is not null)
        {
            foreach (var operation in operations)
                operation.Fail(new StorageUnavailableException($"{operation.Name}: the storage stopped writing after a failed flush and must be opened again; nothing was changed", _broken));
            return null;
        }
        try
        {
            _session.Execute("BEGIN IMMEDIATE");
        }
        catch (SqliteException failure)
        {
            foreach (var operation in operations)
                operation.Fail(SqliteFailure.Unchanged(operation.Name, failure));
            return null;
        }
        try
        {
            foreach (var operation in operations)
            {
                _session.Execute("SAVEPOINT operation");
                operation.Execute(_session);
                if (operation.IsRefused)
                    _session.Execute("ROLLBACK TO operation");
                _session.Execute("RELEASE operation");
            }
        }
        catch (SqliteException failure)
        {
            RollBack();
            return failure;
        }
        try
        {
            BeforeFlush?.Invoke();
            _session.Execute("COMMIT");
        }
        catch (SqliteException failure)
        {
            RollBack();
            if (SqliteFailure.IsFull(failure))
                return failure;
            // The flush failed: its pages may or may not reach the disk, and the system may have forgotten that they did not. Writing on would build on sand.
            _broken = failure;
            foreach (var operation in operations)
                operation.Fail(SqliteFailure.Unknown(operation.Name, failure));
            return null;
        }
        foreach (var operation in operations)
            operation.Complete();
        return null;
    }

    private void RollBack()
    {
        try
        {
            if (!_session.IsIdle)
                _session.Execute("ROLLBACK");
        }
        catch (SqliteException failure)
        {
            _broken = failure;
        }
    }

    /// <summary>Moves the log into the file and cuts it to nothing, so that what was erased does not linger there; tried again while readers are in the way.</summary>
    private void EmptyLog()
    {
        try
        {
            if (_session.TryEmptyLog())
                _session.HasErased = false;
        }
        catch (SqliteException)
        {
            // A full or failing disk: the next write meets it too and reports it; the log stays until then.
        }
    }
}
