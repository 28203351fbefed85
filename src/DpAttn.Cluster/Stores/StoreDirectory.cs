using System.Collections.Concurrent;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Finds stores by name or incarnation, and makes them.</summary>
internal sealed class StoreDirectory(ICatalog catalog, IBudgetLedger ledger, Generation generation, TimeProvider clock)
{
    private readonly EpochCache<string, StoreView> _byName = new(generation);
    private readonly ConcurrentDictionary<string, MomentParameters> _parameters = new();

    /// <summary>The store that a name stands for now, or null.</summary>
    public ValueTask<StoreView?> FindAsync(string name, CancellationToken cancellationToken = default) =>
        _byName.GetAsync(name, async key => await ReadAsync(key, cancellationToken));

    /// <summary>The same, read from the catalog.</summary>
    public async Task<StoreView?> ReadAsync(string name, CancellationToken cancellationToken = default)
    {
        var found = await catalog.ReadAsync(Documents.Name, name, cancellationToken);
        return found is null ? null : await ReadAsync(new StoreId(found.Value.Incarnation), cancellationToken);
    }

    /// <summary>A store by its incarnation, deleted ones included.</summary>
    public async Task<StoreView?> ReadAsync(StoreId store, CancellationToken cancellationToken = default)
    {
        var document = await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken);
        return document is null ? null : new StoreView(document.Value, ParametersOf(document.Value), await ReleasesAsync(store, cancellationToken));
    }

    /// <summary>The parameters of a store: one object per incarnation and silo, since a definition never changes.</summary>
    public MomentParameters ParametersOf(StoreDocument document) =>
        _parameters.GetOrAdd(document.Incarnation, static (_, definition) => SchemaFactory.Parameters(definition), document.Definition);

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
    public async Task<(StoreView Store, bool IsNew)> EnsureAsync(string name, StoreDefinition definition, AccountId owner, CancellationToken cancellationToken)
    {
        RequireName(name);
        var (filled, _) = SchemaFactory.Resolve(definition);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            if (await ReadAsync(name, cancellationToken) is { } existing)
            {
                if (existing.Document.Owner != owner.Value || !SameDefinition(existing.Document.Definition, filled))
                    throw new ProblemException(ProblemCodes.Conflict, $"the name {name} is taken by another store; delete it first, or choose another name");
                return (existing, false);
            }
            var incarnation = new StoreId(Guid.NewGuid().ToString("N"));
            var document = new StoreDocument
            {
                Name = name,
                Incarnation = incarnation.Value,
                Owner = owner.Value,
                Definition = filled,
                State = StoreDocument.Active,
                Created = clock.GetUtcNow(),
            };
            // Books first: a store that can be seen can be charged. Books without a store are of a random id that nothing names.
            await ledger.CreateStoreAsync(incarnation, new PrivacyLimit(new Epsilon(filled.Limit), new Delta(filled.Delta)), cancellationToken);
            var made = await catalog.CommitAsync(
                new CatalogCommit
                {
                    Writes = [Documents.Name.Insert(name, new NameDocument(incarnation.Value)), Documents.Store.Insert(incarnation.Value, document)],
                    Audit = [new AuditEvent("store.create", owner.Value, incarnation, name, null)],
                },
                cancellationToken);
            if (made)
                return (new StoreView(document, ParametersOf(document), []), true);
        }
        throw new ProblemException(ProblemCodes.Busy, $"the name {name} is being made and deleted by others");
    }

    private static bool SameDefinition(StoreDefinition left, StoreDefinition right) =>
        System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(left, ClusterJson.Default.StoreDefinition).AsSpan()
            .SequenceEqual(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(right, ClusterJson.Default.StoreDefinition));

    private static void RequireName(string name)
    {
        const int Longest = 63;
        var valid = name.Length is >= 1 and <= Longest && char.IsAsciiLetterOrDigit(name[0])
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
        if (!valid)
            throw new ProblemException(ProblemCodes.InvalidRequest, $"a store's name has 1 to {Longest} lower-case letters, digits, '-', '_' and '.', and begins with a letter or digit");
    }
}
