using System.Collections.Concurrent;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// Keeps a ledger's charges away until this process has verified the store that they are for. Without a guard, as in a program that uses the storage alone, it
/// stands open. That a store is suspended is read from the database, where every process sees it.
/// </summary>
internal sealed class LedgerGate
{
    private readonly ConcurrentDictionary<StoreId, bool> _unverified = [];
    private volatile bool _isShut;
    private volatile string? _reason;

    /// <summary>Shuts out everything, until <see cref="Open"/>.</summary>
    public void Shut() => _isShut = true;

    /// <summary>Opens, but for stores that are still to be verified.</summary>
    public void Open(IEnumerable<StoreId> unverified)
    {
        foreach (var store in unverified)
            _unverified[store] = true;
        _isShut = false;
    }

    /// <summary>A store was verified; whatever was found, from here on its suspension alone decides.</summary>
    public void Admit(StoreId store) => _unverified.TryRemove(store, out _);

    /// <summary>Why no store at all takes charges, such as a lost witness; null when that is over.</summary>
    public string? Reason
    {
        get => _reason;
        set => _reason = value;
    }

    /// <summary>Requires that a store was verified; asked before its rows are.</summary>
    /// <exception cref="StorageUnavailableException">It is still to be.</exception>
    public void RequireVerified(StoreId store)
    {
        if (_isShut || _unverified.ContainsKey(store))
            throw new StorageUnavailableException("the ledger of this store is being verified, as after every start; nothing was charged");
    }

    /// <summary>Requires that stores may be charged at all; asked after the store's own suspension, which says more.</summary>
    /// <exception cref="LedgerSuspendedException">All stores are suspended.</exception>
    public void RequireOpen()
    {
        if (_reason is { } reason)
            throw new LedgerSuspendedException(reason);
    }
}
