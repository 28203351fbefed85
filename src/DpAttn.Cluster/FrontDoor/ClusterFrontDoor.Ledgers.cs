using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    internal const string CopiesAreForOperators = "only an operator copies the database: it holds all rows";

    internal static ProblemException NoFile() => new(
        ProblemCodes.InvalidRequest,
        "this server keeps its data in a database of its own: back it up with that database's tools (PostgreSQL: pg_basebackup with the archived log, or pg_dump), and never restore its witness with it");

    public async Task<LedgerList> ListLedgersAsync(Principal caller, CancellationToken cancellationToken = default)
    {
        var found = new List<LedgerState>();
        if (caller.Role == Roles.Operator)
        {
            // Deleted stores too, and those that only the witness knows.
            await foreach (var store in guard.ListStoresAsync(cancellationToken))
                found.Add(await StateAsync(store, cancellationToken));
        }
        else
        {
            RequireOwnerRole(caller);
            await foreach (var store in ListedAsync(caller, cancellationToken))
            {
                if ((await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value is { State: StoreDocument.Active } document && document.Owner == caller.Account.Value)
                    found.Add(await StateAsync(store, cancellationToken));
            }
        }
        return new LedgerList(found);
    }

    public async Task<LedgerCheck> VerifyLedgerAsync(Principal caller, LedgerVerificationRequest request, CancellationToken cancellationToken = default)
    {
        var store = ToStore(request.Incarnation);
        var document = (await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value;
        if (caller.Role != Roles.Operator && !(caller.Role == Roles.Owner && document?.Owner == caller.Account.Value))
            throw NoSuchStore();
        var report = await guard.VerifyAsync(store, cancellationToken);
        if (report.Books == 0 && report.Faults.Count == 0)
            throw NoSuchStore();
        return new LedgerCheck(
            store.Value,
            report.Books,
            report.Entries,
            [.. report.Faults.Select(fault => new LedgerFinding(NameOf(fault.Kind), fault.Books, fault.Text))],
            await guard.ReadSuspensionAsync(store, cancellationToken));
    }

    public async Task<AcknowledgementResult> AcknowledgeLedgersAsync(Principal caller, AcknowledgementRequest request, CancellationToken cancellationToken = default)
    {
        RequireOperator(caller, "only an operator acknowledges what was found in a ledger");
        var stores = new List<StoreId>();
        if (request.Store is { } name)
        {
            stores.Add((await directory.ReadAsync(name, cancellationToken))?.Id ?? ToStore(name));
        }
        else
        {
            await foreach (var store in guard.ListStoresAsync(cancellationToken))
                stores.Add(store);
        }
        var done = new List<AcknowledgedLedger>();
        foreach (var store in stores)
        {
            // First, so that no block is frozen between the two.
            if (await guard.ReadSuspensionAsync(store, cancellationToken) is not null)
                await services.Continual(store).StopAcknowledgedAsync(cancellationToken);
            if (await guard.AcknowledgeAsync(store, caller.Account.Value, cancellationToken) is { } acknowledged)
                done.Add(new AcknowledgedLedger(store.Value, acknowledged.Reason, acknowledged.Books, acknowledged.Charged.MuSquared));
        }
        IReadOnlyList<AuditEvent> audit = request.Store is null && await guard.AcknowledgeWitnessAsync(cancellationToken)
            ? [new AuditEvent(LedgerGuard.AcknowledgeAction, caller.Account.Value, null, null, "a new witness was begun")]
            : [];
        if (request.Store is not null && done.Count == 0)
            throw new ProblemException(ProblemCodes.NotFound, "no such store, or none whose ledger is closed");
        // What this and other silos know of limits and totals may have changed.
        await catalog.CommitAsync(
            async () => (new CatalogCommit { Writes = [await generation.RaiseAsync(cancellationToken)], Audit = audit }, true),
            () => new ProblemException(ProblemCodes.Busy, "acknowledged, but the catalog is being changed by others; it is seen everywhere within 5 s"),
            cancellationToken);
        generation.Drop();
        return new AcknowledgementResult(done);
    }

    public async Task<StorageBackup> BackupAsync(Principal caller, CancellationToken cancellationToken = default)
    {
        RequireOperator(caller, CopiesAreForOperators);
        if (backup is null)
            throw NoFile();
        var copy = await backup.CreateAsync(cancellationToken);
        await catalog.CommitAsync(new CatalogCommit { Audit = [new AuditEvent("storage.backup", caller.Account.Value, null, null, $"{copy.Bytes} bytes, SHA-256 {Convert.ToHexStringLower(copy.Digest.Span)}")] }, cancellationToken);
        return copy;
    }

    private async Task<LedgerState> StateAsync(StoreId store, CancellationToken cancellationToken)
    {
        var document = (await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value;
        return new LedgerState(store.Value, document?.Name, document?.State == StoreDocument.Deleted, await guard.ReadSuspensionAsync(store, cancellationToken));
    }

    private static StoreId ToStore(string incarnation)
    {
        try
        {
            return new StoreId(incarnation);
        }
        catch (ArgumentException)
        {
            throw NoSuchStore();
        }
    }

    private static void RequireOperator(Principal caller, string why)
    {
        if (caller.Role != Roles.Operator)
            throw new ProblemException(ProblemCodes.Forbidden, why);
    }

    private static string NameOf(LedgerFaultKind kind) => kind switch
    {
        LedgerFaultKind.Behind => "behind",
        LedgerFaultKind.OtherHistory => "otherHistory",
        LedgerFaultKind.BookMissing => "bookMissing",
        LedgerFaultKind.EntryChanged => "entryChanged",
        LedgerFaultKind.EntryMissing => "entryMissing",
        LedgerFaultKind.TotalChanged => "totalChanged",
        LedgerFaultKind.TierChanged => "tierChanged",
        LedgerFaultKind.WitnessLost => "witnessLost",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
