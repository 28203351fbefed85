using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace DpAttn.Cluster;

/// <summary>
/// Counts by labels that are told from the start, at 0. A series that first appears at 1 has not risen, for those who watch: an alert on its rise would miss the first event, which is often the only one.
/// </summary>
/// <param name="labels">The names of the labels.</param>
/// <param name="known">The values to begin with; others come as they are counted.</param>
internal sealed class Tally(string[] labels, IEnumerable<string[]> known)
{
    // By the values, in the order of the labels; none of them has a line break.
    private readonly ConcurrentDictionary<string, StrongBox<long>> _counts = new(known.Select(values => KeyValuePair.Create(string.Join('\n', values), new StrongBox<long>())));

    /// <summary>Counts one.</summary>
    public void Add(params string[] values) => Interlocked.Increment(ref _counts.GetOrAdd(string.Join('\n', values), _ => new StrongBox<long>()).Value);

    /// <summary>The counts, for an observable counter.</summary>
    public IEnumerable<Measurement<long>> Measure() => _counts.Select(count => new Measurement<long>(
        Volatile.Read(ref count.Value.Value),
        count.Key.Split('\n').Zip(labels, (value, label) => new KeyValuePair<string, object?>(label, value)).Where(tag => ((string)tag.Value!).Length > 0)));
}
