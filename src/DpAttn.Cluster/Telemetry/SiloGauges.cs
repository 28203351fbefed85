using Microsoft.Extensions.Hosting;

namespace DpAttn.Cluster;

/// <summary>Gauges of what a silo holds and what waits in it. Read when somebody collects them; there from the silo's start.</summary>
internal sealed class SiloGauges : IHostedService
{
    public SiloGauges(ClusterInstruments instruments, ScanScheduler scans, ReleasedNodes nodes, PartCache parts, KeptSums sums, RowMemory rows, LedgerFaults faults)
    {
        instruments.Meter.CreateObservableUpDownCounter("dpattn.scan.queue.length", () => scans.Waiting, "{computation}", "Pieces of sums and noise that wait for a thread.");
        instruments.Meter.CreateObservableUpDownCounter("dpattn.ledger.faults", faults.Measure, "{fault}", "What keeps charges from being taken: stores that are suspended, and what is wrong with database and witness (0 or 1 each).");
        instruments.Meter.CreateObservableUpDownCounter<long>(
            "dpattn.cache.size",
            () =>
            [
                new(nodes.Bytes, new KeyValuePair<string, object?>(Labels.Cache, "nodes")),
                new(parts.Bytes, new KeyValuePair<string, object?>(Labels.Cache, "parts")),
                new(sums.Bytes, new KeyValuePair<string, object?>(Labels.Cache, "sums")),
                new(rows.Held, new KeyValuePair<string, object?>(Labels.Cache, "rows")),
            ],
            "By",
            "Memory that a silo's caches hold.");
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
