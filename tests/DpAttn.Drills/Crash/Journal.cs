using System.Collections.Concurrent;

namespace DpAttn.Drills.Crash;

/// <summary>What the clients were told, and nothing else: the checker compares it with what the server has afterwards.</summary>
internal sealed class Journal
{
    private long _acknowledged;

    /// <summary>Acknowledgements so far, of any kind: the marker that a phase is under way.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>Batches by id: the first slot they were told.</summary>
    public ConcurrentDictionary<string, long> Batches { get; } = new();

    /// <summary>Releases that were acknowledged, by the key they were asked for with.</summary>
    public ConcurrentDictionary<string, string> Releases { get; } = new();

    /// <summary>Tiers opened, by (user, request id).</summary>
    public ConcurrentDictionary<(string User, string Request), Opened> Opens { get; } = new();

    /// <summary>Answers by (release, tier): the digest of the bytes that every later answer must have.</summary>
    public ConcurrentDictionary<(string Release, int Tier), string> Answers { get; } = new();

    /// <summary>Answers that differed from an earlier one.</summary>
    public ConcurrentBag<string> Differences { get; } = [];

    public void Count() => Interlocked.Increment(ref _acknowledged);

    public void Answered(string release, int tier, string digest)
    {
        if (Answers.GetOrAdd((release, tier), digest) != digest)
            Differences.Add($"release {release}, tier {tier}");
        Count();
    }
}

/// <summary>A tier that a user was told is open.</summary>
internal sealed record Opened(string Release, int Tier, double Charged, bool Replayed);
