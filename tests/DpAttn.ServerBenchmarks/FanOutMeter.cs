using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace DpAttn.Benchmarks.Server;

/// <summary>What this process does while it coordinates: how long its fan-outs take, what it sends to other silos, and its processor time.</summary>
internal sealed class FanOutMeter : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly List<double> _fanOuts = [];
    private readonly string _purpose;
    private readonly Process _process = Process.GetCurrentProcess();
    private readonly TimeSpan _cpu;
    private long _sent, _sentBytes, _received, _receivedBytes;

    /// <param name="purpose">Which fan-outs count: queries or publish.</param>
    public FanOutMeter(string purpose)
    {
        _purpose = purpose;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if ((instrument.Meter.Name, instrument.Name) is ("DpAttn", "dpattn.fanout.duration") or ("Microsoft.Orleans", "orleans-messaging-sent-messages-size" or "orleans-messaging-received-messages-size"))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>(Take);
        _listener.SetMeasurementEventCallback<int>((instrument, size, _, _) => Count(instrument, size));
        _listener.SetMeasurementEventCallback<long>((instrument, size, _, _) => Count(instrument, size));
        _listener.Start();
        _cpu = _process.TotalProcessorTime;
    }

    /// <summary>Messages to and from other silos and clients, by the engine's own count.</summary>
    public long Messages => Interlocked.Read(ref _sent) + Interlocked.Read(ref _received);

    /// <summary>Their bytes.</summary>
    public long Bytes => Interlocked.Read(ref _sentBytes) + Interlocked.Read(ref _receivedBytes);

    /// <summary>The median of the fan-outs, in milliseconds, and how many there were.</summary>
    public (double Median, int Count) FanOuts()
    {
        lock (_lock)
        {
            var sorted = _fanOuts.Order().ToArray();
            return sorted.Length == 0 ? default : (1000 * sorted[sorted.Length / 2], sorted.Length);
        }
    }

    /// <summary>Processor time of this process since the start.</summary>
    public TimeSpan Cpu()
    {
        _process.Refresh();
        return _process.TotalProcessorTime - _cpu;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _process.Dispose();
    }

    private void Take(Instrument instrument, double seconds, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        foreach (var tag in tags)
        {
            if (tag.Key == "dpattn.fanout.purpose" && (string?)tag.Value != _purpose)
                return;
        }
        lock (_lock)
            _fanOuts.Add(seconds);
    }

    private void Count(Instrument instrument, long size)
    {
        if (instrument.Name.Contains("sent", StringComparison.Ordinal))
        {
            Interlocked.Increment(ref _sent);
            Interlocked.Add(ref _sentBytes, size);
        }
        else
        {
            Interlocked.Increment(ref _received);
            Interlocked.Add(ref _receivedBytes, size);
        }
    }
}
