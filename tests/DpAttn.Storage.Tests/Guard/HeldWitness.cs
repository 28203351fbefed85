using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>A witness that one process cannot reach for a while, or for ever, as one that dies does not.</summary>
internal sealed class HeldWitness(ILedgerWitness witness) : ILedgerWitness
{
    private volatile bool _isHeld;

    /// <summary>Whether nothing is told.</summary>
    public bool IsHeld
    {
        get => _isHeld;
        set => _isHeld = value;
    }

    public Task<WitnessIdentity?> ReadIdentityAsync(CancellationToken cancellationToken = default) => witness.ReadIdentityAsync(cancellationToken);

    public Task<bool> BeginAsync(WitnessIdentity identity, WitnessIdentity? replaced, CancellationToken cancellationToken = default) => witness.BeginAsync(identity, replaced, cancellationToken);

    public Task<IReadOnlyList<WitnessMark>> RaiseAsync(IReadOnlyList<WitnessStep> steps, CancellationToken cancellationToken = default) =>
        IsHeld ? throw new StorageUnavailableException("the witness is out of reach of this process") : witness.RaiseAsync(steps, cancellationToken);

    public Task<WitnessMark?> FindAsync(StoreId store, AccountId? account, CancellationToken cancellationToken = default) => witness.FindAsync(store, account, cancellationToken);

    public Task<IReadOnlyList<WitnessMark>> ListAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken = default) => witness.ListAsync(store, after, limit, cancellationToken);

    public Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken = default) => witness.ListStoresAsync(after, limit, cancellationToken);

    public ValueTask DisposeAsync() => witness.DisposeAsync();
}
