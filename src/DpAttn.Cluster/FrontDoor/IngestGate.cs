using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Bounds the bytes of rows on their way in, over all callers of a silo.</summary>
internal sealed class IngestGate(ClusterOptions options)
{
    private long _bytes;

    /// <summary>Lets a batch in until the result is disposed.</summary>
    /// <exception cref="ProblemException">busy, or too_large for a batch that never fits.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Less than nothing, which would make room that is not there.</exception>
    public IDisposable Enter(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes > options.IngestBytes)
            throw new ProblemException(ProblemCodes.TooLarge, $"the batch has {bytes} bytes of rows; at most {options.IngestBytes} are taken at once");
        if (Interlocked.Add(ref _bytes, bytes) > options.IngestBytes)
        {
            Interlocked.Add(ref _bytes, -bytes);
            throw new ProblemException(ProblemCodes.Busy, "too many rows are on their way in already");
        }
        return new Pass(this, bytes);
    }

    private sealed class Pass(IngestGate gate, long bytes) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                Interlocked.Add(ref gate._bytes, -bytes);
        }
    }
}
