using System.Collections.Concurrent;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// Faults drawn from a seed: whether the n-th write, or the n-th read, of a run fails, and how, depends on the seed and n alone. For
/// <see cref="FaultPlan.Every"/>.
/// </summary>
/// <param name="seed">The seed.</param>
/// <param name="share">Of the calls, how many fail.</param>
internal sealed class SeededFaults(int seed, double share)
{
    private static readonly Fault[] OfWrites = [Fault.Before, Fault.After, Fault.Before, Fault.After, Fault.Busy, Fault.Hang, Fault.Late];
    private static readonly Fault[] OfReads = [Fault.Before, Fault.Stale, Fault.Stale, Fault.Stale, Fault.Corrupt];
    private static readonly HashSet<string> Writes = ["ledger open", "ledger charge", "ledger limit", "ledger store limit"];
    private int _writes;
    private int _reads;

    /// <summary>How often each was drawn.</summary>
    public ConcurrentDictionary<Fault, int> Drawn { get; } = new();

    public Fault? Next(string call)
    {
        if (!call.StartsWith("ledger", StringComparison.Ordinal))
            return null;
        var isWrite = Writes.Contains(call);
        var number = isWrite ? Interlocked.Increment(ref _writes) : Interlocked.Increment(ref _reads);
        var random = new Random(unchecked((int)(2_654_435_761u * (uint)(2 * number + (isWrite ? 1 : 0)) ^ (uint)seed)));
        if (random.NextDouble() >= share)
            return null;
        var fault = isWrite ? OfWrites[random.Next(OfWrites.Length)] : OfReads[random.Next(OfReads.Length)];
        Drawn.AddOrUpdate(fault, 1, (_, count) => count + 1);
        return fault;
    }
}
