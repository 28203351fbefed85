using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Bounds what clients of gateways have under way in this silo: calls, and bytes of numbers on their way in.</summary>
internal sealed class GatewayGate(ClusterOptions options)
{
    // Beside the gate that the rows pass once more when they are stored.
    private readonly IngestGate _bytes = new(options);
    private int _calls;

    /// <summary>Lets a call in until the result is disposed.</summary>
    /// <exception cref="ProblemException">busy.</exception>
    public IDisposable EnterCall()
    {
        if (Interlocked.Increment(ref _calls) > options.GatewayCalls)
        {
            Interlocked.Decrement(ref _calls);
            throw new ProblemException(ProblemCodes.Busy, $"{options.GatewayCalls} calls of fronts are being worked on, the most that a silo takes");
        }
        return new Place(this);
    }

    /// <summary>Lets numbers in until the result is disposed.</summary>
    /// <exception cref="ProblemException">busy, or too_large for what never fits.</exception>
    public IDisposable EnterBytes(long bytes) => _bytes.Enter(bytes);

    private sealed class Place(GatewayGate gate) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                Interlocked.Decrement(ref gate._calls);
        }
    }
}
