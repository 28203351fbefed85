using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>
/// The one thread that writes. Whatever is queued runs in one transaction and is told its outcome after one flush. When an operation cannot be
/// undone by itself (it failed after its first change, or the disk is full), the transaction is rolled back and each of its operations is tried again
/// in one of its own: no operation fails, or half succeeds, because of another.
/// </summary>
internal sealed class SqliteWriter : IDisposable
{
    private const int LargestBatch = 1024;
    private const long LargestBatchBytes = 8 << 20;
    private static readonly TimeSpan LongWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ErasureWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestErasure = TimeSpan.FromSeconds(10);

    private readonly SqliteSession _session;
    private readonly WriteQueue _queue;
    private readonly Thread _thread;
    private volatile Exception? _broken;
    private long? _erasedAt;

    public SqliteWriter(SqliteSession session, int queueCapacity, long queueBytes)
    {
        _session = session;
        _queue = new WriteQueue(queueCapacity, queueBytes);
        _thread = new Thread(Run) { Name = "dpattn storage writer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Why nothing is written any more, or null.</summary>
    public Exception? Failure => _broken;

    /// <summary>For tests: runs in place of the flush's beginning, and may throw what a failing disk would.</summary>
    internal Action? BeforeFlush { get; set; }

    /// <summary>For tests: runs before a batch is executed.</summary>
    internal Action? BeforeBatch { get; set; }

    /// <summary>Queues work and returns its result once it is durable.</summary>
    /// <param name="name">What it does, for messages.</param>
    /// <param name="bytes">What it holds in memory while it waits.</param>
    /// <param name="work">Reads and writes in the writer's transaction; run again if the first transaction fails.</param>
    /// <param name="cancellationToken">Not executed if cancelled while queued; afterwards the outcome is unknown.</param>
    /// <param name="committed">Told the result as soon as it is durable, on the writer's thread.</param>
    public async Task<T> RunAsync<T>(string name, int bytes, Func<SqliteSession, T> work, CancellationToken cancellationToken, Action<T>? committed = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var operation = new WriteOperation<T>(name, bytes, work, committed);
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
        NoteErasure();
        while (_queue.Take(batch, LargestBatch, LargestBatchBytes, _erasedAt is null ? LongWait : ErasureWait))
        {
            if (batch.Count > 0)
                CommitOrStop(batch);
            NoteErasure();
            // At rest, or after a while even under load: what was erased does not linger in the log.
            if (_erasedAt is { } since && (batch.Count == 0 || Stopwatch.GetElapsedTime(since) > LongestErasure))
                EmptyLog();
            var told = batch.Count;
            batch.Clear();
            if (told > 1)
                _queue.AwaitCompany(told);
        }
        if (_erasedAt is not null)
            EmptyLog();
    }

    /// <summary>A defect of this class must not end the process, nor go on writing.</summary>
    private void CommitOrStop(List<WriteOperation> batch)
    {
        try
        {
            Commit(batch);
        }
        catch (Exception failure)
        {
            _broken = failure;
            FailAll(batch, name => new StorageOutcomeUnknownException($"{name}: the writer failed; whether the change was made is unknown", failure));
        }
    }

    private void Commit(List<WriteOperation> batch)
    {
        BeforeBatch?.Invoke();
        if (TryCommit(batch))
            return;
        foreach (var operation in batch)
            TryCommit([operation]);
    }

    /// <summary>One transaction and one flush, after which the outcomes are told.</summary>
    /// <returns>False when nothing was changed and each of several operations is to be tried alone.</returns>
    private bool TryCommit(List<WriteOperation> operations)
    {
        if (_broken is not null)
            return FailAll(operations, name => new StorageUnavailableException($"{name}: the storage stopped writing after a failed flush and must be opened again; nothing was changed", _broken));
        try
        {
            _session.Execute("BEGIN IMMEDIATE");
        }
        catch (SqliteException failure)
        {
            return FailAll(operations, name => SqliteFailure.Unchanged(name, failure));
        }
        try
        {
            foreach (var operation in operations)
            {
                var before = _session.TotalChanges;
                operation.Execute(_session);
                // What is refused before its first change has nothing to undo. What is refused later must not take the others with it, nor they keep half of it.
                if (operation.IsRefused && _session.TotalChanges != before)
                    return RollBack(operations, operation.Complete);
            }
        }
        catch (SqliteException failure)
        {
            return RollBack(operations, () => FailAll(operations, name => SqliteFailure.Unchanged(name, failure)));
        }
        try
        {
            BeforeFlush?.Invoke();
            _session.Execute("COMMIT");
        }
        catch (SqliteException failure) when (SqliteFailure.IsFull(failure))
        {
            return RollBack(operations, () => FailAll(operations, name => SqliteFailure.Unchanged(name, failure)));
        }
        catch (SqliteException failure)
        {
            // The flush failed: its pages may or may not reach the disk, and the system may have forgotten that they did not. Writing on would build on sand.
            _broken = failure;
            return RollBack(operations[..1], () => FailAll(operations, name => SqliteFailure.Unknown(name, failure)));
        }
        foreach (var operation in operations)
            operation.Complete();
        return true;
    }

    private static bool FailAll(List<WriteOperation> operations, Func<string, StorageException> failure)
    {
        foreach (var operation in operations)
            operation.Fail(failure(operation.Name));
        return true;
    }

    /// <summary>Undoes the transaction; a single operation is then told its outcome, several are to be tried alone.</summary>
    private bool RollBack(List<WriteOperation> operations, Action tell)
    {
        try
        {
            // Some failures have ended the transaction already.
            if (!_session.IsIdle)
                _session.Execute("ROLLBACK");
        }
        catch (SqliteException failure)
        {
            _broken = failure;
        }
        if (operations.Count > 1)
            return false;
        tell();
        return true;
    }

    private void NoteErasure()
    {
        if (_session.HasErased)
            _erasedAt ??= Stopwatch.GetTimestamp();
        _session.HasErased = false;
    }

    /// <summary>Cuts the log to nothing; tried again soon while a reader is in the way.</summary>
    private void EmptyLog()
    {
        try
        {
            _erasedAt = _session.TryEmptyLog() ? null : Stopwatch.GetTimestamp();
        }
        catch (SqliteException)
        {
            // A full or failing disk: the next write meets it too and reports it; the log stays until then.
            _erasedAt = Stopwatch.GetTimestamp();
        }
    }
}
