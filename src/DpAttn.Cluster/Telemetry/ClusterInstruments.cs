using System.Diagnostics;
using System.Diagnostics.Metrics;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// What a silo tells about itself: the meter and the spans of this assembly. Labels are names of this house (mechanisms, states, codes of problems) and never ids, names, rows or numbers of
/// rows. Nothing is kept that nobody listens to.
/// </summary>
internal sealed class ClusterInstruments : IDisposable
{
    /// <summary>The name of the meter and of the source of spans.</summary>
    public const string Name = "DpAttn";

    // Seconds: an answer from a released node takes a fraction of a millisecond, a call between grains may take 5 s, a publish minutes.
    private static readonly double[] CallBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    private static readonly double[] PublishBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

    private readonly ActivitySource _source = new(Name);
    private readonly TimedOperation _fanOut;
    private readonly Tally _charges = new([Labels.Operation], [[LedgerOperations.Open], [LedgerOperations.Charge]]);
    private readonly Counter<long> _ledgerRefusals;
    private readonly Tally _releases = new(
        [Labels.ReleaseState, Labels.Mechanism],
        from mechanism in Mechanisms.All from state in (string[])[ReleaseDocument.Published, ReleaseDocument.Failed, ReleaseDocument.Retired] select new[] { state, mechanism.Name });

    public ClusterInstruments(IMeterFactory meters)
    {
        Meter = meters.Create(Name);
        Attend = Timed("dpattn.attend", "How long a request for answers takes in the silo, its charge included.", CallBuckets);
        Commit = Timed("dpattn.ledger.commit", "How long a change of the ledger takes until it is durable or refused.", CallBuckets);
        Storage = Timed("dpattn.storage", "How long a call of the storage of blobs takes.", CallBuckets);
        Publish = Timed("dpattn.publish", "How long a coordinator works on a publish.", PublishBuckets);
        _fanOut = Timed("dpattn.fanout", "How long all shards of a store take to answer one question.", CallBuckets);
        Meter.CreateObservableCounter("dpattn.charges", _charges.Measure, "{charge}", "Charges that the ledger admitted; replays are not counted.");
        _ledgerRefusals = Meter.CreateCounter<long>("dpattn.ledger.refusals", "{refusal}", "Changes that the ledger refused.");
        Meter.CreateObservableCounter("dpattn.releases", _releases.Measure, "{release}", "Releases that came to a state.");
    }

    /// <summary>The meter, for gauges of what other classes hold.</summary>
    public Meter Meter { get; }

    /// <summary>A request for answers.</summary>
    public TimedOperation Attend { get; }

    /// <summary>A change of the ledger.</summary>
    public TimedOperation Commit { get; }

    /// <summary>A call of the storage of blobs.</summary>
    public TimedOperation Storage { get; }

    /// <summary>A coordinator's work on a publish.</summary>
    public TimedOperation Publish { get; }

    /// <summary>A fan-out that is timed.</summary>
    public FanOut FanOut(ClusterOptions options, string purpose) => new(options.FanOutWindow, options.CallDeadline, _fanOut, purpose);

    /// <summary>Counts what the ledger decided.</summary>
    /// <param name="operation">One of <see cref="LedgerOperations"/>.</param>
    /// <param name="decision">The decision.</param>
    public void Count(string operation, LedgerDecision decision)
    {
        if (decision is LedgerDecision.Refused { Reason: var reason })
            _ledgerRefusals.Add(1, new(Labels.Operation, operation), new(Labels.Reason, Labels.Of(reason)));
        else if (decision is LedgerDecision.Admitted { IsReplay: false } && operation != LedgerOperations.SetLimit)
            _charges.Add(operation);
    }

    /// <summary>Counts a release that came to a state.</summary>
    public void CountRelease(string state, string? mechanism) => _releases.Add(state, mechanism ?? "");

    public void Dispose() => _source.Dispose();

    private TimedOperation Timed(string span, string description, double[] buckets) => new(
        _source,
        span,
        Meter.CreateHistogram<double>(span + ".duration", "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = buckets }));
}
