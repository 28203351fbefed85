using System.Collections.Concurrent;
using System.Text.Json;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Finds stores by name or incarnation, and makes them.</summary>
internal sealed class StoreDirectory(ICatalog catalog, IBudgetLedger ledger, Generation generation, TimeProvider clock, StoreSecrets secrets)
{
    private const int MostViews = 10_000;
    private const int LongestName = 63;
    private readonly EpochCache<string, StoreView> _byName = new(generation, MostViews);
    private readonly ConcurrentDictionary<string, WeakReference<StoreModel>> _models = new();

    // So that a store that is only loaded into is not computed anew for every batch; larger ones live by their use alone.
    private readonly StoreModel?[] _recent = new StoreModel?[64];
    private uint _next;

    /// <summary>The store that a name stands for, as of the last poll of the generation; or null.</summary>
    public ValueTask<StoreView?> FindAsync(string name, CancellationToken cancellationToken = default) =>
        _byName.GetAsync(name, key => ReadAsync(key, cancellationToken));

    /// <summary>The store that a name stands for now, read from the catalog; or null.</summary>
    public async Task<StoreView?> ReadAsync(string name, CancellationToken cancellationToken = default)
    {
        if (!IsName(name) || await catalog.ReadAsync(Documents.Name, name, cancellationToken) is not { } found)
            return null;
        // Deleted between the two reads: the name stands for nothing.
        return await ReadAsync(new StoreId(found.Value.Incarnation), cancellationToken) is { Document.State: StoreDocument.Active } store ? store : null;
    }

    /// <summary>A store by its incarnation, deleted ones included.</summary>
    public async Task<StoreView?> ReadAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        var document = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken);
        return document is null ? null : new StoreView(document.Value, ModelOf(document.Value), await ReleasesAsync(store, cancellationToken));
    }

    /// <summary>The row of a store that is not deleted.</summary>
    /// <exception cref="ProblemException">not_found.</exception>
    public async Task<Versioned<StoreDocument>> ReadActiveAsync(StoreId store, CancellationToken cancellationToken = default) =>
        await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken) is { Value.State: StoreDocument.Active } read
            ? read
            : throw new ProblemException(ProblemCodes.NotFound, "no such store");

    /// <summary>What is computed from a store's definition: one object per incarnation and silo, for as long as anything uses it, or it was made lately.</summary>
    public StoreModel ModelOf(StoreDocument document)
    {
        if (_models.TryGetValue(document.Incarnation, out var known) && known.TryGetTarget(out var model))
            return model;
        // Not under the lock: it may take long, and other stores must not wait for it.
        var made = StoreModel.Of(document.Definition);
        lock (_models)
        {
            if (_models.TryGetValue(document.Incarnation, out known) && known.TryGetTarget(out model))
                return model;
            foreach (var gone in _models.Where(entry => !entry.Value.TryGetTarget(out _)))
                _models.TryRemove(gone);
            _models[document.Incarnation] = new WeakReference<StoreModel>(made);
            if (made.IsSmall)
                _recent[_next++ % _recent.Length] = made;
            return made;
        }
    }

    /// <summary>All releases of a store, the newest last.</summary>
    public async Task<IReadOnlyList<ReleaseDocument>> ReleasesAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        var releases = new List<ReleaseDocument>();
        await foreach (var release in catalog.ListAsync(Documents.Release, Documents.Under(store), cancellationToken))
            releases.Add(release.Value);
        return releases;
    }

    /// <summary>Makes a store, or finds the same one.</summary>
    /// <exception cref="ProblemException">conflict: the name is taken by another definition or another owner.</exception>
    public Task<(StoreView Store, bool IsNew)> EnsureAsync(string name, StoreDefinition definition, AccountId owner, CancellationToken cancellationToken)
    {
        if (!IsName(name))
            throw new ProblemException(ProblemCodes.InvalidRequest, $"a store's name has 1 to {LongestName} lower-case letters, digits, '-', '_' and '.', and begins with a letter or digit");
        var filled = SchemaFactory.Resolve(definition);
        return catalog.CommitAsync<(StoreView, bool)>(
            async () =>
            {
                if (await ReadAsync(name, cancellationToken) is not { } existing)
                    return await PrepareAsync(name, filled, owner, cancellationToken);
                if (existing.Document.Owner != owner.Value || !IsSame(existing.Document.Definition, filled))
                    throw new ProblemException(ProblemCodes.Conflict, $"the name {name} is taken by another store; delete it first, or choose another name");
                return (null, (existing, false));
            },
            () => new ProblemException(ProblemCodes.Busy, $"the name {name} is being made and deleted by others"),
            cancellationToken);
    }

    private async Task<(CatalogCommit? Commit, (StoreView Store, bool IsNew))> PrepareAsync(string name, StoreDefinition definition, AccountId owner, CancellationToken cancellationToken)
    {
        var incarnation = new StoreId(Guid.NewGuid().ToString("N"));
        var document = new StoreDocument
        {
            Name = name,
            Incarnation = incarnation.Value,
            Owner = owner.Value,
            Definition = definition,
            State = StoreDocument.Active,
            Created = clock.GetUtcNow(),
        };
        if (ModelOf(document) is PerQueryModel)
            document = document with { Secret = secrets.NewWrapped(incarnation) };
        // Books first: a store that can be seen can be charged. Books without a store are of a random id that nothing names.
        await ledger.CreateStoreAsync(incarnation, new PrivacyLimit(new Epsilon(definition.Limit), new Delta(definition.Delta)), cancellationToken);
        var commit = new CatalogCommit
        {
            Writes =
            [
                Documents.Name.Insert(name, new NameDocument(incarnation.Value)),
                Documents.Store.Insert(incarnation.Value, document),
                Documents.Visible.Insert(Documents.Listed(owner, incarnation), new NameDocument(incarnation.Value)),
            ],
            Audit = [new AuditEvent("store.create", owner.Value, incarnation, name, null)],
        };
        return (commit, (new StoreView(document, ModelOf(document), []), true));
    }

    private static bool IsSame(StoreDefinition left, StoreDefinition right) =>
        JsonSerializer.SerializeToUtf8Bytes(left, ClusterJson.Default.StoreDefinition).AsSpan()
            .SequenceEqual(JsonSerializer.SerializeToUtf8Bytes(right, ClusterJson.Default.StoreDefinition));

    private static bool IsName(string name) =>
        name.Length is >= 1 and <= LongestName && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
}
