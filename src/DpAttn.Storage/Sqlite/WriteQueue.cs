using System.Diagnostics;

namespace DpAttn.Storage;

/// <summary>The operations that wait for the writer: bounded in number and in bytes, first come first served.</summary>
internal sealed class WriteQueue(int capacity, long byteCapacity)
{
    private static readonly TimeSpan LongestLinger = TimeSpan.FromMicroseconds(200);

    private readonly Queue<WriteOperation> _operations = new();
    private readonly object _gate = new();
    private long _bytes;
    private int _count;
    private bool _closed;

    /// <summary>Adds an operation.</summary>
    /// <exception cref="StorageBusyException">The queue is full.</exception>
    /// <exception cref="StorageUnavailableException">The storage is closed.</exception>
    public void Add(WriteOperation operation)
    {
        lock (_gate)
        {
            if (_closed)
                throw new StorageUnavailableException($"{operation.Name}: the storage is closed; nothing was changed");
            if (_operations.Count >= capacity)
                throw new StorageBusyException($"{operation.Name}: {capacity} changes are waiting, the most that the queue takes; nothing was changed");
            if (_bytes + operation.Bytes > byteCapacity)
                throw new StorageBusyException($"{operation.Name}: changes of {_bytes} bytes are waiting and the queue takes {byteCapacity}; nothing was changed");
            _operations.Enqueue(operation);
            Volatile.Write(ref _count, _operations.Count);
            _bytes += operation.Bytes;
            if (_operations.Count == 1)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>Waits for operations and moves them into a batch, up to its bounds, leaving out what was given up.</summary>
    /// <returns>False when the queue is closed and empty; true with an empty batch when the time was up.</returns>
    public bool Take(List<WriteOperation> batch, int most, long mostBytes, TimeSpan wait)
    {
        lock (_gate)
        {
            if (_operations.Count == 0 && !_closed)
                Monitor.Wait(_gate, wait);
            long bytes = 0;
            while (batch.Count < most && _operations.TryPeek(out var next) && (batch.Count == 0 || bytes + next.Bytes <= mostBytes))
            {
                _operations.Dequeue();
                _bytes -= next.Bytes;
                if (!next.TryBegin())
                    continue;
                bytes += next.Bytes;
                batch.Add(next);
            }
            Volatile.Write(ref _count, _operations.Count);
            return batch.Count > 0 || !_closed;
        }
    }

    /// <summary>
    /// Gives those who were just told their outcome a moment to come back with their next change, so that they share one flush instead of
    /// forming two groups that wait for each other.
    /// </summary>
    public void AwaitCompany(int expected)
    {
        var start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _count) is > 0 and var count && count < expected && Stopwatch.GetElapsedTime(start) < LongestLinger)
            Thread.Yield();
    }

    /// <summary>Takes nothing more; what is queued is still carried out.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }
}
