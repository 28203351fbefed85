using System.Diagnostics.Metrics;

namespace DpAttn.Cluster;

/// <summary>What keeps charges from being taken, as this silo saw it last: for alerts, which must not depend on anybody's asking.</summary>
internal sealed class LedgerFaults
{
    private long _suspended;
    private volatile bool _isUnpaired, _isWitnessLost;

    // Nothing takes charges before the first look.
    private volatile bool _isUnverified = true;

    /// <summary>The database and the witness were looked at.</summary>
    /// <param name="suspended">Stores that are suspended.</param>
    /// <param name="isUnpaired">Database and witness do not belong together.</param>
    /// <param name="isWitnessLost">The witness cannot be written.</param>
    public void Saw(long suspended, bool isUnpaired, bool isWitnessLost)
    {
        Volatile.Write(ref _suspended, suspended);
        (_isUnverified, _isUnpaired, _isWitnessLost) = (false, isUnpaired, isWitnessLost);
    }

    /// <summary>They could not be looked at.</summary>
    public void SawNothing() => _isUnverified = true;

    /// <summary>The figures, by kind.</summary>
    public IEnumerable<Measurement<long>> Measure() =>
    [
        Of("suspended", Volatile.Read(ref _suspended)),
        Of("unpaired", _isUnpaired ? 1 : 0),
        Of("witness_unavailable", _isWitnessLost ? 1 : 0),
        Of("unverified", _isUnverified ? 1 : 0),
    ];

    private static Measurement<long> Of(string reason, long count) => new(count, new KeyValuePair<string, object?>(Labels.Reason, reason));
}
