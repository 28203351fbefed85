using System.Runtime.CompilerServices;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IFrontDoor"/>
/// <remarks>Split by what is asked: keys and stores here, rows, releases, answers, budgets and ledgers in files of their own.</remarks>
internal sealed partial class ClusterFrontDoor(
    IGrainFactory grains,
    ICatalog catalog,
    IBudgetLedger ledger,
    LedgerGuard guard,
    StoreServices services,
    StoreDirectory directory,
    CredentialDirectory credentials,
    IndexKey indexKey,
    Generation generation,
    ScanScheduler scans,
    IngestGate ingest,
    Entitlements entitlements,
    ClusterOptions options,
    TimeProvider clock,
    ISiloStatusOracle silo,
    ClusterInstruments instruments,
    IStorageBackup? backup = null) : IFrontDoor
{
    public Task<Principal> AuthenticateAsync(string? credential, CancellationToken cancellationToken = default) =>
        credentials.AuthenticateAsync(credential, cancellationToken);

    public Task<KeyCreated> CreateKeyAsync(Principal caller, KeyRequest request, CancellationToken cancellationToken = default) =>
        credentials.CreateAsync(caller, request, cancellationToken);

    public Task<KeyList> ListKeysAsync(Principal caller, CancellationToken cancellationToken = default) =>
        credentials.ListAsync(caller, cancellationToken);

    public Task RevokeKeyAsync(Principal caller, string id, CancellationToken cancellationToken = default) =>
        credentials.RevokeAsync(caller, id, cancellationToken);

    public async Task<(StoreDescription Store, bool IsNew)> EnsureStoreAsync(Principal caller, string name, StoreDefinition definition, CancellationToken cancellationToken = default)
    {
        RequireOwnerRole(caller);
        var (store, isNew) = await directory.EnsureAsync(name, definition, caller.Account, cancellationToken);
        return (await DescribeAsync(store, cancellationToken), isNew);
    }

    public async Task DeleteStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default)
    {
        var store = await OwnedAsync(caller, name, cancellationToken);
        await StoreGrain(store).DeleteAsync(caller.Account.Value, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken);
        SeeItAtOnce();
    }

    public async Task<StoreDescription> GetStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        await DescribeAsync(await VisibleAsync(caller, name, fresh: true, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<StoreDescription>> ListStoresAsync(Principal caller, CancellationToken cancellationToken = default)
    {
        var found = new List<StoreDescription>();
        await foreach (var id in ListedAsync(caller, cancellationToken))
        {
            if (await directory.ReadAsync(id, cancellationToken) is { Document.State: StoreDocument.Active } store && await MaySeeAsync(caller, store.Document, cancellationToken))
                found.Add(await DescribeAsync(store, cancellationToken));
        }
        return found;
    }

    public async Task<AccountReference> FindAccountAsync(Principal caller, AccountLookup request, CancellationToken cancellationToken = default)
    {
        RequireOwnerRole(caller);
        return new AccountReference((await credentials.FindAccountAsync(caller, request, cancellationToken)).Value);
    }

    public async Task<AuditPage> ListAuditAsync(Principal caller, long after, int limit, CancellationToken cancellationToken = default)
    {
        if (caller.Role != Roles.Operator)
            throw new ProblemException(ProblemCodes.Forbidden, "the audit log is for operators");
        RequirePage(limit);
        if (after < 0)
            throw new ProblemException(ProblemCodes.InvalidRequest, "after must be at least 0");
        var rows = await catalog.ListAuditAsync(after, limit, cancellationToken);
        return new AuditPage(
            [.. rows.Select(row => new AuditLine(row.Sequence, row.At, row.Event.Action, row.Event.Actor, row.Event.Store?.Value, row.Event.Target, row.Event.Detail))],
            rows.Count == limit ? rows[^1].Sequence : null);
    }

    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await generation.PollAsync(cancellationToken);
            return silo.CurrentStatus == SiloStatus.Active;
        }
        catch (StorageException)
        {
            return false;
        }
    }

    /// <summary>The grain may have made a change on another silo: whoever asks this one next sees it without waiting for the poll.</summary>
    private void SeeItAtOnce() => generation.Drop();

    private IStoreGrain StoreGrain(StoreView store) => grains.GetGrain<IStoreGrain>(store.Id.Value);

    private IBudgetGrain BudgetGrain(StoreView store, AccountId account) => grains.GetGrain<IBudgetGrain>(GrainKey.Of(store.Id, account.Value));

    /// <summary>A store that the caller owns, read anew: what is decided on it is not decided on a cached row.</summary>
    private async Task<StoreView> OwnedAsync(Principal caller, string name, CancellationToken cancellationToken)
    {
        var store = await VisibleAsync(caller, name, fresh: true, cancellationToken);
        return store.Document.Owner == caller.Account.Value && caller.Role == Roles.Owner
            ? store
            : throw new ProblemException(ProblemCodes.Forbidden, "only the store's owner may do this");
    }

    /// <summary>A store that the caller may know of; others are told the same as of one that does not exist.</summary>
    private async Task<StoreView> VisibleAsync(Principal caller, string name, bool fresh, CancellationToken cancellationToken)
    {
        var store = fresh ? await directory.ReadAsync(name, cancellationToken) : await directory.FindAsync(name, cancellationToken);
        return store is not null && await MaySeeAsync(caller, store.Document, cancellationToken)
            ? store
            : throw new ProblemException(ProblemCodes.NotFound, "no such store");
    }

    private async Task<bool> MaySeeAsync(Principal caller, StoreDocument store, CancellationToken cancellationToken) =>
        caller.Role == Roles.Operator
        || caller.Role == Roles.Owner && store.Owner == caller.Account.Value
        || await ledger.ReadAccountAsync(new StoreId(store.Incarnation), caller.Account, cancellationToken) is not null;

    /// <summary>The stores that may be the caller's; whether they are is looked up of each.</summary>
    private async IAsyncEnumerable<StoreId> ListedAsync(Principal caller, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (caller.Role == Roles.Operator)
        {
            await foreach (var document in catalog.ListAsync(Documents.Store, "", cancellationToken))
                yield return new StoreId(document.Value.Incarnation);
        }
        else
        {
            await foreach (var listed in catalog.ListAsync(Documents.Visible, Documents.ListOf(caller.Account), cancellationToken))
                yield return new StoreId(listed.Value.Incarnation);
        }
    }

    private async Task<StoreDescription> DescribeAsync(StoreView store, CancellationToken cancellationToken)
    {
        var releases = await Task.WhenAll(store.Releases.Select(release => DescribeAsync(store, release, cancellationToken)));
        return new StoreDescription
        {
            Name = store.Document.Name,
            Incarnation = store.Document.Incarnation,
            State = store.Document.State,
            Definition = store.Document.Definition,
            Slots = store.Document.Slots,
            Batches = store.Document.Batches,
            Releases = releases,
        };
    }

    private static void RequireOwnerRole(Principal caller)
    {
        if (caller.Role != Roles.Owner)
            throw new ProblemException(ProblemCodes.Forbidden, "this needs a key of role owner");
    }

    private static void RequirePage(int limit)
    {
        const int Most = 1000;
        if (limit is < 1 or > Most)
            throw new ProblemException(ProblemCodes.InvalidRequest, $"a page has 1 to {Most} entries, not {limit}");
    }
}
