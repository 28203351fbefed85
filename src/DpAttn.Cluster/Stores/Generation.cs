using System.Text;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// A number in the catalog that every revocation, deletion, retirement and publish raises, in the same transaction. Each silo polls it and drops what it
/// has cached when it changes, so nothing that was revoked is served for longer than a poll.
/// </summary>
internal sealed class Generation(ICatalog catalog)
{
    private const string Kind = "generation";
    private const string Key = "all";
    private long _seen = -1;
    private long _epoch;

    /// <summary>Raised whenever caches must be dropped.</summary>
    public event Action? Changed;

    /// <summary>Counts the drops in this process. What is loaded in one epoch must not be cached in another.</summary>
    public long Epoch => Interlocked.Read(ref _epoch);

    /// <summary>The write that raises the generation, for a commit of the caller's; a conflict with another one's makes the commit fail and be tried again.</summary>
    public async Task<CatalogWrite> RaiseAsync(CancellationToken cancellationToken = default)
    {
        var row = await catalog.ReadAsync(Kind, Key, cancellationToken);
        var version = row?.Version ?? 0;
        return new CatalogWrite(Kind, Key, version, Encoding.ASCII.GetBytes((version + 1).ToString()));
    }

    /// <summary>Looks whether anybody has raised it since, and drops caches if so.</summary>
    public async Task PollAsync(CancellationToken cancellationToken = default)
    {
        var version = (await catalog.ReadAsync(Kind, Key, cancellationToken))?.Version ?? 0;
        if (Interlocked.Exchange(ref _seen, version) != version)
            Drop();
    }

    /// <summary>Drops caches of this process at once.</summary>
    public void Drop()
    {
        Interlocked.Increment(ref _epoch);
        Changed?.Invoke();
    }
}
