using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace DpAttn.Storage;

/// <summary>Read-only connections. A read begins after every write that was acknowledged before it, and never waits for the writer.</summary>
internal sealed class SqliteReaders(Func<SqliteSession> open, int connections, int queueCapacity) : IDisposable
{
    private readonly ConcurrentBag<SqliteSession> _idle = [];
    private readonly SemaphoreSlim _free = new(connections);
    private int _waiting;
    private volatile bool _closed;

    /// <summary>Reads on a thread of the pool.</summary>
    public async Task<T> ReadAsync<T>(string name, Func<SqliteSession, T> read, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _waiting) > queueCapacity)
        {
            Interlocked.Decrement(ref _waiting);
            throw new StorageBusyException($"{name}: {queueCapacity} reads are waiting, the most that the queue takes");
        }
        try
        {
            await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        try
        {
            if (_closed)
                throw new StorageUnavailableException($"{name}: the storage is closed");
            return await Task.Run(() => Read(name, read), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Waits for reads under way and closes the connections.</summary>
    public void Dispose()
    {
        _closed = true;
        for (var i = 0; i < connections; i++)
            _free.Wait();
        while (_idle.TryTake(out var session))
            session.Dispose();
        _free.Release(connections);
    }

    private T Read<T>(string name, Func<SqliteSession, T> read)
    {
        SqliteSession? session = null;
        try
        {
            session = _idle.TryTake(out var idle) ? idle : open();
            return read(session);
        }
        catch (SqliteException failure)
        {
            throw SqliteFailure.Unread(name, failure);
        }
        finally
        {
            if (session is not null)
                _idle.Add(session);
        }
    }
}
