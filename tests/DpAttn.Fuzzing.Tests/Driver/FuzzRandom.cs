namespace DpAttn.Fuzzing.Tests;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): a case is a function of its number on every machine and version of the framework.</summary>
internal sealed class FuzzRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A whole number from 0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound) => (int)((UInt128)Next() * (ulong)bound >> 64);

    /// <summary>True once in <paramref name="times"/>.</summary>
    public bool OneIn(int times) => Below(times) == 0;

    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = (byte)Next();
        return bytes;
    }

    /// <summary>The stream of one case of one target.</summary>
    public static FuzzRandom Of(string target, ulong run, long number)
    {
        var hash = 14695981039346656037UL; // FNV-1a, so that a case keeps its bytes between processes
        foreach (var c in target)
            hash = (hash ^ c) * 1099511628211;
        return new FuzzRandom(new FuzzRandom(hash ^ (run * 0xD6E8FEB86659FD93)).Next() ^ (ulong)number * 0xA0761D6478BD642F);
    }
}
