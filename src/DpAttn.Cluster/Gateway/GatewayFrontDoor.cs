using DpAttn.Contracts;
using DpAttn.Gateway;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The front door of a cluster that is elsewhere. A caller here is a credential that the cluster knew a moment ago; it travels with every call, and the cluster authenticates it again.
/// </summary>
internal sealed class GatewayFrontDoor(DoorClient client) : IFrontDoor
{
    public async Task<Principal> AuthenticateAsync(string? credential, CancellationToken cancellationToken = default)
    {
        var caller = await Guard(client.AskAsync<Caller>(credential, new DoorRequest(Operations.Authenticate), cancellationToken));
        return new RemotePrincipal(new AccountId(caller.Account), caller.Role, credential);
    }

    public Task<KeyCreated> CreateKeyAsync(Principal caller, KeyRequest request, CancellationToken cancellationToken = default) =>
        Ask<KeyCreated>(caller, new DoorRequest(Operations.CreateKey, body: GatewayJson.Write(request)), cancellationToken);

    public Task<KeyList> ListKeysAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<KeyList>(caller, new DoorRequest(Operations.ListKeys), cancellationToken);

    public Task RevokeKeyAsync(Principal caller, string id, CancellationToken cancellationToken = default) =>
        Tell(caller, new DoorRequest(Operations.RevokeKey, name: id), cancellationToken);

    public async Task<(StoreDescription Store, bool IsNew)> EnsureStoreAsync(Principal caller, string name, StoreDefinition definition, CancellationToken cancellationToken = default)
    {
        var ensured = await Ask<EnsuredStore>(caller, new DoorRequest(Operations.EnsureStore, name, body: GatewayJson.Write(definition)), cancellationToken);
        return (ensured.Store, ensured.IsNew);
    }

    public Task DeleteStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        Tell(caller, new DoorRequest(Operations.DeleteStore, name), cancellationToken);

    public Task<StoreDescription> GetStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        Ask<StoreDescription>(caller, new DoorRequest(Operations.GetStore, name), cancellationToken);

    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<IReadOnlyList<StoreDescription>>(caller, new DoorRequest(Operations.ListStores), cancellationToken);

    public Task<AppendResult> AppendAsync(Principal caller, string store, string batch, RowBatch rows, CancellationToken cancellationToken = default)
    {
        var (shape, content) = RowContent.Write(rows);
        return Guard(client.AppendAsync(CredentialOf(caller), store, batch, shape, rows.Clip, content, cancellationToken));
    }

    public Task EraseRowAsync(Principal caller, string store, string batch, int index, CancellationToken cancellationToken = default) =>
        Tell(caller, new DoorRequest(Operations.EraseRow, store, batch, index), cancellationToken);

    public Task<ReleaseDescription> PublishAsync(Principal caller, string store, PublishRequest request, string? requestId, CancellationToken cancellationToken = default) =>
        Ask<ReleaseDescription>(caller, new DoorRequest(Operations.Publish, store, text: requestId, body: GatewayJson.Write(request)), cancellationToken);

    public Task<ReleaseDescription> GetReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Ask<ReleaseDescription>(caller, new DoorRequest(Operations.GetRelease, store, release), cancellationToken);

    public Task<IReadOnlyList<ReleaseDescription>> ListReleasesAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        Ask<IReadOnlyList<ReleaseDescription>>(caller, new DoorRequest(Operations.ListReleases, store), cancellationToken);

    public Task<ReleaseDescription> CloseBlockAsync(Principal caller, string store, string release, CloseBlockRequest request, CancellationToken cancellationToken = default) =>
        Ask<ReleaseDescription>(caller, new DoorRequest(Operations.CloseBlock, store, release, body: GatewayJson.Write(request)), cancellationToken);

    public Task RetireReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Tell(caller, new DoorRequest(Operations.RetireRelease, store, release), cancellationToken);

    public Task<PrivacyStatement> GetPrivacyStatementAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Ask<PrivacyStatement>(caller, new DoorRequest(Operations.GetPrivacyStatement, store, release), cancellationToken);

    public async Task<AttendResult> AttendAsync(Principal caller, string store, AttendCommand command, CancellationToken cancellationToken = default)
    {
        var (terms, content) = AttendCommands.Write(command);
        var (summary, answers) = await Guard(client.AttendAsync(CredentialOf(caller), store, command.Queries.Rows, command.Queries.Columns, terms, content, cancellationToken));
        return AttendResults.Read(summary, answers.Span);
    }

    public Task<EstimateResponse> EstimateAsync(Principal caller, string store, EstimateRequest request, CancellationToken cancellationToken = default) =>
        Ask<EstimateResponse>(caller, new DoorRequest(Operations.Estimate, store, body: GatewayJson.Write(request)), cancellationToken);

    public Task<BudgetDescription> GetMyBudgetAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        Ask<BudgetDescription>(caller, new DoorRequest(Operations.GetMyBudget, store), cancellationToken);

    public Task<LedgerPage> ListMyLedgerAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Ask<LedgerPage>(caller, new DoorRequest(Operations.ListMyLedger, store, number: limit, text: cursor), cancellationToken);

    public Task<LedgerPage> ListLedgerAsync(Principal caller, string store, string account, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Ask<LedgerPage>(caller, new DoorRequest(Operations.ListLedger, store, account, limit, cursor), cancellationToken);

    public Task<StoreBudgets> ListBudgetsAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Ask<StoreBudgets>(caller, new DoorRequest(Operations.ListBudgets, store, number: limit, text: cursor), cancellationToken);

    public Task<BudgetDescription> GetBudgetAsync(Principal caller, string store, string account, CancellationToken cancellationToken = default) =>
        Ask<BudgetDescription>(caller, new DoorRequest(Operations.GetBudget, store, account), cancellationToken);

    public Task<BudgetDescription> SetBudgetAsync(Principal caller, string store, string account, LimitRequest request, CancellationToken cancellationToken = default) =>
        Ask<BudgetDescription>(caller, new DoorRequest(Operations.SetBudget, store, account, body: GatewayJson.Write(request)), cancellationToken);

    public Task<StoreBudgets> SetStoreBudgetAsync(Principal caller, string store, LimitRequest request, CancellationToken cancellationToken = default) =>
        Ask<StoreBudgets>(caller, new DoorRequest(Operations.SetStoreBudget, store, body: GatewayJson.Write(request)), cancellationToken);

    public Task<AccountReference> FindAccountAsync(Principal caller, AccountLookup request, CancellationToken cancellationToken = default) =>
        Ask<AccountReference>(caller, new DoorRequest(Operations.FindAccount, body: GatewayJson.Write(request)), cancellationToken);

    public Task<AuditPage> ListAuditAsync(Principal caller, long after, int limit, CancellationToken cancellationToken = default) =>
        Ask<AuditPage>(caller, new DoorRequest(Operations.ListAudit, number: after, text: $"{limit}"), cancellationToken);

    public Task<LedgerList> ListLedgersAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<LedgerList>(caller, new DoorRequest(Operations.ListLedgers), cancellationToken);

    public Task<LedgerCheck> VerifyLedgerAsync(Principal caller, LedgerVerificationRequest request, CancellationToken cancellationToken = default) =>
        Guard(client.MaintainAsync<LedgerCheck>(CredentialOf(caller), new DoorRequest(Operations.VerifyLedger, body: GatewayJson.Write(request)), cancellationToken));

    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(Principal caller, AcknowledgementRequest request, CancellationToken cancellationToken = default) =>
        Guard(client.MaintainAsync<AcknowledgementResult>(CredentialOf(caller), new DoorRequest(Operations.AcknowledgeLedgers, body: GatewayJson.Write(request)), cancellationToken));

    /// <summary>What is behind a gateway keeps its data in a database of its own, and never in a file.</summary>
    public async Task<StorageBackup> BackupAsync(Principal caller, CancellationToken cancellationToken = default)
    {
        // Whoever may not copy it is told that, and not what it is.
        _ = await Ask<Caller>(caller, new DoorRequest(Operations.Authenticate), cancellationToken);
        throw caller.Role == Roles.Operator ? ClusterFrontDoor.NoFile() : new ProblemException(ProblemCodes.Forbidden, ClusterFrontDoor.CopiesAreForOperators);
    }

    public Task<bool> IsReadyAsync(CancellationToken cancellationToken = default) => client.IsReadyAsync(cancellationToken);

    private Task<T> Ask<T>(Principal caller, DoorRequest request, CancellationToken cancellationToken) => Guard(client.AskAsync<T>(CredentialOf(caller), request, cancellationToken));

    private async Task Tell(Principal caller, DoorRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await client.TellAsync(CredentialOf(caller), request, cancellationToken);
        }
        catch (GatewayProblemException e)
        {
            throw Problems.OfGateway(e);
        }
    }

    private static async Task<T> Guard<T>(Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (GatewayProblemException e)
        {
            throw Problems.OfGateway(e);
        }
    }

    private static string? CredentialOf(Principal caller) =>
        caller is RemotePrincipal remote ? remote.Credential : throw new InvalidOperationException("a caller that this front door did not authenticate");

    /// <summary>A caller with the credential that made it one.</summary>
    private sealed record RemotePrincipal(AccountId Account, string Role, string? Credential) : Principal(Account, Role)
    {
        // The credential is part of no log.
        public override string ToString() => $"{Role} {Account}";
    }
}
