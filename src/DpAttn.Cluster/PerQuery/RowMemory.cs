using System.Collections.Concurrent;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Bounds the bytes of rows that the per-query shards of a silo hold, and are going to hold once they are asked.</summary>
internal sealed class RowMemory(ClusterOptions options)
{
    private readonly ConcurrentDictionary<string, long> _expected = new();
    private long _held;

    /// <summary>Bytes held.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <summary>Takes room for rows that are loaded.</summary>
    /// <exception cref="ProblemException">shard_unavailable: other rows take it.</exception>
    public void Take(long bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= options.RowBytes)
            return;
        Interlocked.Add(ref _held, -bytes);
        throw new ProblemException(ProblemCodes.ShardUnavailable, $"this silo has no room for the shard's rows: rows of per-query stores may take {options.RowBytes} bytes");
    }

    public void Give(long bytes) => Interlocked.Add(ref _held, -bytes);

    /// <summary>Refuses rows for a shard that could not be loaded any more, beside the others of this silo, once they are there.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="bytes">What it would hold with the rows.</param>
    /// <exception cref="ProblemException">storage_full.</exception>
    public void Expect(string shard, long bytes)
    {
        var others = _expected.Where(known => known.Key != shard).Sum(known => known.Value);
        if (others + bytes > options.RowBytes)
            throw new ProblemException(ProblemCodes.StorageFull, $"the rows were refused: per-query stores answer from memory, and with these rows theirs would take more than the {options.RowBytes} bytes that a silo has for them");
        _expected[shard] = bytes;
    }

    /// <summary>Expects nothing of a shard any more, since it leaves this silo.</summary>
    public void Forget(string shard) => _expected.TryRemove(shard, out _);
}
