using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    /// <inheritdoc/>
    public Task<StoreDescription> EnsureStoreAsync(string store, StoreDefinition definition, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(definition);
        var call = new Call($"create store '{store}'", HttpMethod.Put, StorePath(store)) { Key = NewKey() };
        return _exchange.SendAsync(call.WithJson(definition, WireJson.Default.StoreDefinition), WireJson.Default.StoreDescription, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<StoreDescription> GetStoreAsync(string store, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call($"read store '{store}'", HttpMethod.Get, StorePath(store)), WireJson.Default.StoreDescription, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call("list stores", HttpMethod.Get, "v1/stores"), WireJson.Default.IReadOnlyListStoreDescription, cancellationToken);

    /// <inheritdoc/>
    public Task DeleteStoreAsync(string store, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call($"delete store '{store}'", HttpMethod.Delete, StorePath(store)) { Key = NewKey() }, cancellationToken);
}
