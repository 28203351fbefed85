using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>What a client may ask with a document: one line per operation.</summary>
internal static class DoorOperations
{
    /// <summary>Operations that take moments.</summary>
    /// <exception cref="ProblemException">Whatever the front door refuses, and an operation that there is not.</exception>
    public static async Task<Document> AskAsync(IFrontDoor door, Principal caller, DoorRequest request, CancellationToken cancellationToken) => request.Operation switch
    {
        Operations.Authenticate => GatewayJson.Write(new Caller(caller.Account.Value, caller.Role)),
        Operations.CreateKey => GatewayJson.Write(await door.CreateKeyAsync(caller, Body<KeyRequest>(request), cancellationToken)),
        Operations.ListKeys => GatewayJson.Write(await door.ListKeysAsync(caller, cancellationToken)),
        Operations.RevokeKey => await DoneAsync(door.RevokeKeyAsync(caller, Name(request), cancellationToken)),
        Operations.EnsureStore => await EnsureAsync(door, caller, request, cancellationToken),
        Operations.DeleteStore => await DoneAsync(door.DeleteStoreAsync(caller, Store(request), cancellationToken)),
        Operations.GetStore => GatewayJson.Write(await door.GetStoreAsync(caller, Store(request), cancellationToken)),
        Operations.ListStores => GatewayJson.Write(await door.ListStoresAsync(caller, cancellationToken)),
        Operations.EraseRow => await DoneAsync(door.EraseRowAsync(caller, Store(request), Name(request), Whole(request), cancellationToken)),
        Operations.Publish => GatewayJson.Write(await door.PublishAsync(caller, Store(request), Body<PublishRequest>(request), request.Text, cancellationToken)),
        Operations.GetRelease => GatewayJson.Write(await door.GetReleaseAsync(caller, Store(request), Name(request), cancellationToken)),
        Operations.ListReleases => GatewayJson.Write(await door.ListReleasesAsync(caller, Store(request), cancellationToken)),
        Operations.CloseBlock => GatewayJson.Write(await door.CloseBlockAsync(caller, Store(request), Name(request), Body<CloseBlockRequest>(request), cancellationToken)),
        Operations.RetireRelease => await DoneAsync(door.RetireReleaseAsync(caller, Store(request), Name(request), cancellationToken)),
        Operations.GetPrivacyStatement => GatewayJson.Write(await door.GetPrivacyStatementAsync(caller, Store(request), Name(request), cancellationToken)),
        Operations.Estimate => GatewayJson.Write(await door.EstimateAsync(caller, Store(request), Body<EstimateRequest>(request), cancellationToken)),
        Operations.GetMyBudget => GatewayJson.Write(await door.GetMyBudgetAsync(caller, Store(request), cancellationToken)),
        Operations.ListMyLedger => GatewayJson.Write(await door.ListMyLedgerAsync(caller, Store(request), request.Text, Whole(request), cancellationToken)),
        Operations.ListLedger => GatewayJson.Write(await door.ListLedgerAsync(caller, Store(request), Name(request), request.Text, Whole(request), cancellationToken)),
        Operations.ListBudgets => GatewayJson.Write(await door.ListBudgetsAsync(caller, Store(request), request.Text, Whole(request), cancellationToken)),
        Operations.GetBudget => GatewayJson.Write(await door.GetBudgetAsync(caller, Store(request), Name(request), cancellationToken)),
        Operations.SetBudget => GatewayJson.Write(await door.SetBudgetAsync(caller, Store(request), Name(request), Body<LimitRequest>(request), cancellationToken)),
        Operations.SetStoreBudget => GatewayJson.Write(await door.SetStoreBudgetAsync(caller, Store(request), Body<LimitRequest>(request), cancellationToken)),
        Operations.FindAccount => GatewayJson.Write(await door.FindAccountAsync(caller, Body<AccountLookup>(request), cancellationToken)),
        Operations.ListAudit => await AuditAsync(door, caller, request, cancellationToken),
        Operations.ListLedgers => GatewayJson.Write(await door.ListLedgersAsync(caller, cancellationToken)),
        _ => throw Unknown(),
    };

    /// <summary>Operations that take as long as what is stored is large.</summary>
    /// <exception cref="ProblemException">Whatever the front door refuses, and an operation that there is not.</exception>
    public static async Task<Document> MaintainAsync(IFrontDoor door, Principal caller, DoorRequest request, CancellationToken cancellationToken) => request.Operation switch
    {
        Operations.VerifyLedger => GatewayJson.Write(await door.VerifyLedgerAsync(caller, Body<LedgerVerificationRequest>(request), cancellationToken)),
        Operations.AcknowledgeLedgers => GatewayJson.Write(await door.AcknowledgeLedgersAsync(caller, Body<AcknowledgementRequest>(request), cancellationToken)),
        _ => throw Unknown(),
    };

    private static async Task<Document> EnsureAsync(IFrontDoor door, Principal caller, DoorRequest request, CancellationToken cancellationToken)
    {
        var (store, isNew) = await door.EnsureStoreAsync(caller, Store(request), Body<StoreDefinition>(request), cancellationToken);
        return GatewayJson.Write(new EnsuredStore(store, isNew));
    }

    /// <summary>A page has a beginning, the number, and a length, the text.</summary>
    private static async Task<Document> AuditAsync(IFrontDoor door, Principal caller, DoorRequest request, CancellationToken cancellationToken) =>
        GatewayJson.Write(await door.ListAuditAsync(caller, request.Number, int.TryParse(request.Text, out var limit) ? limit : throw Missing("a page's length"), cancellationToken));

    private static async Task<Document> DoneAsync(Task work)
    {
        await work;
        return Document.Empty;
    }

    private static string Store(DoorRequest request) => request.Store ?? throw Missing("a store");

    private static string Name(DoorRequest request) => request.Name ?? throw Missing("a name");

    private static int Whole(DoorRequest request) => request.Number is >= int.MinValue and <= int.MaxValue and var number ? (int)number : throw Missing("a number of 32 bits");

    private static T Body<T>(DoorRequest request) => GatewayJson.Read<T>(request.Body ?? throw Missing("a document"));

    private static ProblemException Missing(string what) => new(ProblemCodes.InvalidRequest, $"the operation needs {what}");

    private static ProblemException Unknown() => new(ProblemCodes.InvalidRequest, "the cluster knows no such operation: the front is of another version");
}
