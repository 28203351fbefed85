using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Bounds the bytes of rows that the per-query shards of a silo hold.</summary>
internal sealed class RowMemory(ClusterOptions options)
{
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

    /// <summary>Refuses rows for a shard that could not be loaded any more once they are there.</summary>
    /// <param name="own">What the shard holds now.</param>
    /// <param name="needed">What it would hold with the rows.</param>
    /// <exception cref="ProblemException">storage_full.</exception>
    public void RequireRoom(long own, long needed)
    {
        if (Held - own + needed > options.RowBytes)
            throw new ProblemException(ProblemCodes.StorageFull, $"the rows were refused: per-query stores answer from memory, and with these rows theirs would take more than the {options.RowBytes} bytes that a silo has for them");
    }
}
