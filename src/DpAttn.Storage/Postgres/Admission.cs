namespace DpAttn.Storage;

/// <summary>So many at once, and so many waiting for them, in number and in bytes.</summary>
internal sealed class Admission(int places, int capacity, long byteCapacity) : IDisposable
{
    private readonly SemaphoreSlim _free = new(places);
    private readonly Lock _gate = new();
    private long _bytes;
    private int _waiting;
    private bool _isClosed;

    /// <summary>Waits for a place.</summary>
    /// <exception cref="StorageBusyException">Too much waits already.</exception>
    /// <exception cref="StorageUnavailableException">The storage is closed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; nothing was begun.</exception>
    public async Task EnterAsync(string name, long bytes, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            RequireOpen(name);
            if (_waiting >= capacity)
                throw new StorageBusyException($"{name}: {capacity} are waiting for the database, the most that the queue takes; nothing was changed");
            if (_bytes + bytes > byteCapacity)
                throw new StorageBusyException($"{name}: changes of {_bytes} bytes are waiting for the database and the queue takes {byteCapacity}; nothing was changed");
            _waiting++;
            _bytes += bytes;
        }
        try
        {
            await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _waiting--;
                _bytes -= bytes;
            }
        }
        if (!Volatile.Read(ref _isClosed))
            return;
        _free.Release();
        RequireOpen(name);
    }

    public void Leave() => _free.Release();

    /// <summary>Lets nobody in any more and waits for those who are in.</summary>
    public async Task CloseAsync()
    {
        lock (_gate)
            _isClosed = true;
        for (var i = 0; i < places; i++)
            await _free.WaitAsync().ConfigureAwait(false);
        _free.Release(places);
    }

    public void Dispose() => _free.Dispose();

    private void RequireOpen(string name)
    {
        if (_isClosed)
            throw new StorageUnavailableException($"{name}: the storage is closed; nothing was changed");
    }
}
