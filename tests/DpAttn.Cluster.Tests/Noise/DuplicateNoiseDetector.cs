using System.Collections.Concurrent;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>One vector of noise as it was drawn: under which key (told by what it draws at an address of the detector's own), where, and what.</summary>
internal sealed record DrawnNoise(UInt128 Key, NoiseAddress Address, long[] Values);

/// <summary>
/// Stands between a cluster and the product's noise, keeps all that is drawn, and finds what must never be: two values at one address of one key, and a run of noise that stands at two places,
/// whether keys, mechanisms, tiers, nodes or offsets differ.
/// </summary>
/// <param name="inner">The noise under test.</param>
internal sealed class DuplicateNoiseDetector(INoiseSources inner) : INoiseSources
{
    // Four draws of a deviation of 2^24 and more: among a million runs a pair coincides by chance with probability 2^40 / 2^97.
    private const int Run = 4;

    private static readonly NoiseAddress Probe = new("detector's probe", 0, 1, new NoiseVariance(UInt128.One << 100));

    private readonly ConcurrentQueue<DrawnNoise> _drawn = new();

    public IReadOnlyCollection<DrawnNoise> Drawn => _drawn;

    public INoiseSource Of(ReleaseKey key) => new Source(this, Identify(key), inner.Of(key));

    /// <summary>What must never be, in words; empty when all is well.</summary>
    public static IReadOnlyList<string> Faults(IEnumerable<DrawnNoise> drawn)
    {
        var faults = new List<string>();
        var known = new Dictionary<(UInt128, NoiseAddress), long[]>();
        foreach (var (key, address, values) in drawn)
        {
            if (!known.TryGetValue((key, address), out var before))
                known.Add((key, address), values);
            // A shorter vector is the beginning of a longer one.
            else if (!values.AsSpan(0, Math.Min(values.Length, before.Length)).SequenceEqual(before.AsSpan(0, Math.Min(values.Length, before.Length))))
                faults.Add($"two values at one address: {address}");
            else if (values.Length > before.Length)
                known[(key, address)] = values;
        }
        var runs = new Dictionary<(long, long, long, long), (UInt128 Key, NoiseAddress Address, int At)>();
        foreach (var ((key, address), values) in known)
        {
            Assert.True(values.Length >= Run, "a vector too short to be told from others");
            for (var i = 0; i + Run <= values.Length; i++)
            {
                if (!runs.TryAdd((values[i], values[i + 1], values[i + 2], values[i + 3]), (key, address, i)))
                {
                    faults.Add($"one run of noise at two places: {address} from {i}, and {runs[(values[i], values[i + 1], values[i + 2], values[i + 3])]}");
                    break;
                }
            }
        }
        return faults;
    }

    // Keys show nothing of themselves; equal keys draw equally.
    private static UInt128 Identify(ReleaseKey key)
    {
        Span<long> probe = stackalloc long[3];
        new KeyedNoise(key).Fill(Probe, probe);
        return new UInt128((ulong)probe[0], (ulong)probe[1] ^ ((ulong)probe[2] << 20));
    }

    private sealed class Source(DuplicateNoiseDetector detector, UInt128 key, INoiseSource noise) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            noise.Fill(address, destination);
            detector._drawn.Enqueue(new DrawnNoise(key, address, destination.ToArray()));
        }
    }
}
