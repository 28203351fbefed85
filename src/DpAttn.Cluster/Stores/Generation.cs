using System.Security.Cryptography;
using System.Text;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Counts in the catalog that every revocation, deletion, retirement, publish and limit raises, in the same transaction. Each silo polls them and drops what
/// it has cached when they change. What is cached counts only while the last poll is younger than <see cref="LongestSilence"/>: a silo that is cut off from the
/// catalog asks again, and is refused, rather than trust a key that may be revoked by now.
/// </summary>
internal sealed class Generation(ICatalog catalog, TimeProvider? clock = null)
{
    /// <summary>For how long nothing that was revoked is served anywhere, whatever fails.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    private const string Kind = "generation";

    // Several rows, so that changes that have nothing else in common seldom meet in one; each is raised alone, so their sum only grows.
    private const int Rows = 64;
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Lock _lock = new();
    private long _seen = -1;
    private long _epoch;
    private long _polled = long.MinValue;

    /// <summary>Counts the drops in this process. What is loaded in one epoch does not count in another.</summary>
    public long Epoch => Interlocked.Read(ref _epoch);

    /// <summary>Whether the catalog was looked at lately enough to trust what is cached.</summary>
    public bool IsFresh => Interlocked.Read(ref _polled) is var polled && polled != long.MinValue && _clock.GetElapsedTime(polled) <= LongestSilence;

    /// <summary>The write that raises the generation, for a commit of the caller's; a conflict with another one's makes the commit fail and be tried again.</summary>
    public async Task<CatalogWrite> RaiseAsync(CancellationToken cancellationToken = default)
    {
        var key = RandomNumberGenerator.GetInt32(Rows).ToString("x2");
        var version = (await catalog.ReadAsync(Kind, key, cancellationToken))?.Version ?? 0;
        return new CatalogWrite(Kind, key, version, Encoding.ASCII.GetBytes((version + 1).ToString()));
    }

    /// <summary>Looks whether anybody has raised it since, and drops caches if so.</summary>
    public async Task PollAsync(CancellationToken cancellationToken = default)
    {
        var began = _clock.GetTimestamp();
        var sum = (await catalog.ListAsync(Kind, "", null, Rows, cancellationToken)).Sum(row => row.Version);
        lock (_lock)
        {
            // A slow poll may come back after a later one: it has nothing to tell.
            if (sum > _seen)
            {
                _seen = sum;
                Drop();
            }
            if (began > _polled)
                Interlocked.Exchange(ref _polled, began);
        }
    }

    /// <summary>Drops caches of this process at once.</summary>
    public void Drop() => Interlocked.Increment(ref _epoch);
}
