using System.Collections.Concurrent;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Server.Tests.Support;

/// <summary>A front door that records what it is asked and answers as a test says.</summary>
internal sealed class FakeFrontDoor : IFrontDoor
{
    public const string Key = "dpk_test_3b1f5c";

    private readonly ConcurrentDictionary<string, Func<object?[], CancellationToken, Task<object?>>> _answers = new();

    public ConcurrentQueue<(string Method, object?[] Arguments)> Calls { get; } = new();

    public int Authentications => _authentications;

    private int _authentications;

    public Principal Principal { get; set; } = new(new AccountId("acc-1"), Roles.Owner);

    public Func<bool> IsReady { get; set; } = () => true;

    public void Answer(string method, Func<object?[], object?> answer) => _answers[method] = (arguments, _) => Task.FromResult(answer(arguments));

    public void AnswerAsync(string method, Func<object?[], CancellationToken, Task<object?>> answer) => _answers[method] = answer;

    public void Throw(string method, Exception exception) => _answers[method] = (_, _) => Task.FromException<object?>(exception);

    public async Task<Principal> AuthenticateAsync(string? credential, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _authentications);
        if (_answers.TryGetValue(nameof(AuthenticateAsync), out var answer))
            return (Principal)(await answer([credential], cancellationToken))!;
        return credential == Key ? Principal : throw new ProblemException(ProblemCodes.Unauthenticated, "the key is unknown or revoked");
    }

    public Task<KeyCreated> CreateKeyAsync(Principal caller, KeyRequest request, CancellationToken cancellationToken = default) =>
        Ask<KeyCreated>(cancellationToken, nameof(CreateKeyAsync), caller, request);

    public Task<KeyList> ListKeysAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<KeyList>(cancellationToken, nameof(ListKeysAsync), caller);

    public Task RevokeKeyAsync(Principal caller, string id, CancellationToken cancellationToken = default) =>
        Ask<object?>(cancellationToken, nameof(RevokeKeyAsync), caller, id);

    public Task<(StoreDescription Store, bool IsNew)> EnsureStoreAsync(Principal caller, string name, StoreDefinition definition, CancellationToken cancellationToken = default) =>
        Ask<(StoreDescription, bool)>(cancellationToken, nameof(EnsureStoreAsync), caller, name, definition);

    public Task DeleteStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        Ask<object?>(cancellationToken, nameof(DeleteStoreAsync), caller, name);

    public Task<StoreDescription> GetStoreAsync(Principal caller, string name, CancellationToken cancellationToken = default) =>
        Ask<StoreDescription>(cancellationToken, nameof(GetStoreAsync), caller, name);

    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<IReadOnlyList<StoreDescription>>(cancellationToken, nameof(ListStoresAsync), caller);

    public Task<AppendResult> AppendAsync(Principal caller, string store, string batch, RowBatch rows, CancellationToken cancellationToken = default) =>
        Ask<AppendResult>(cancellationToken, nameof(AppendAsync), caller, store, batch, rows);

    public Task EraseRowAsync(Principal caller, string store, string batch, int index, CancellationToken cancellationToken = default) =>
        Ask<object?>(cancellationToken, nameof(EraseRowAsync), caller, store, batch, index);

    public Task<ReleaseDescription> PublishAsync(Principal caller, string store, PublishRequest request, string? requestId, CancellationToken cancellationToken = default) =>
        Ask<ReleaseDescription>(cancellationToken, nameof(PublishAsync), caller, store, request, requestId);

    public Task<ReleaseDescription> GetReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Ask<ReleaseDescription>(cancellationToken, nameof(GetReleaseAsync), caller, store, release);

    public Task<IReadOnlyList<ReleaseDescription>> ListReleasesAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        Ask<IReadOnlyList<ReleaseDescription>>(cancellationToken, nameof(ListReleasesAsync), caller, store);

    public Task<ReleaseDescription> CloseBlockAsync(Principal caller, string store, string release, CloseBlockRequest request, CancellationToken cancellationToken = default) =>
        Ask<ReleaseDescription>(cancellationToken, nameof(CloseBlockAsync), caller, store, release, request);

    public Task RetireReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Ask<object?>(cancellationToken, nameof(RetireReleaseAsync), caller, store, release);

    public Task<PrivacyStatement> GetPrivacyStatementAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default) =>
        Ask<PrivacyStatement>(cancellationToken, nameof(GetPrivacyStatementAsync), caller, store, release);

    public Task<AttendResult> AttendAsync(Principal caller, string store, AttendCommand command, CancellationToken cancellationToken = default) =>
        Ask<AttendResult>(cancellationToken, nameof(AttendAsync), caller, store, command);

    public Task<EstimateResponse> EstimateAsync(Principal caller, string store, EstimateRequest request, CancellationToken cancellationToken = default) =>
        Ask<EstimateResponse>(cancellationToken, nameof(EstimateAsync), caller, store, request);

    public Task<BudgetDescription> GetMyBudgetAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        Ask<BudgetDescription>(cancellationToken, nameof(GetMyBudgetAsync), caller, store);

    public Task<LedgerPage> ListMyLedgerAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Ask<LedgerPage>(cancellationToken, nameof(ListMyLedgerAsync), caller, store, cursor, limit);

    public Task<LedgerPage> ListLedgerAsync(Principal caller, string store, string account, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Ask<LedgerPage>(cancellationToken, nameof(ListLedgerAsync), caller, store, account, cursor, limit);

    public Task<StoreBudgets> SetStoreBudgetAsync(Principal caller, string store, LimitRequest request, CancellationToken cancellationToken = default) =>
        Ask<StoreBudgets>(cancellationToken, nameof(SetStoreBudgetAsync), caller, store, request);

    public Task<StoreBudgets> ListBudgetsAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default) =>
        Ask<StoreBudgets>(cancellationToken, nameof(ListBudgetsAsync), caller, store, cursor, limit);

    public Task<BudgetDescription> GetBudgetAsync(Principal caller, string store, string account, CancellationToken cancellationToken = default) =>
        Ask<BudgetDescription>(cancellationToken, nameof(GetBudgetAsync), caller, store, account);

    public Task<BudgetDescription> SetBudgetAsync(Principal caller, string store, string account, LimitRequest request, CancellationToken cancellationToken = default) =>
        Ask<BudgetDescription>(cancellationToken, nameof(SetBudgetAsync), caller, store, account, request);

    public Task<AccountReference> FindAccountAsync(Principal caller, AccountLookup request, CancellationToken cancellationToken = default) =>
        Ask<AccountReference>(cancellationToken, nameof(FindAccountAsync), caller, request);

    public Task<AuditPage> ListAuditAsync(Principal caller, long after, int limit, CancellationToken cancellationToken = default) =>
        Ask<AuditPage>(cancellationToken, nameof(ListAuditAsync), caller, after, limit);

    public Task<LedgerList> ListLedgersAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<LedgerList>(cancellationToken, nameof(ListLedgersAsync), caller);

    public Task<LedgerCheck> VerifyLedgerAsync(Principal caller, LedgerVerificationRequest request, CancellationToken cancellationToken = default) =>
        Ask<LedgerCheck>(cancellationToken, nameof(VerifyLedgerAsync), caller, request);

    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(Principal caller, AcknowledgementRequest request, CancellationToken cancellationToken = default) =>
        Ask<AcknowledgementResult>(cancellationToken, nameof(AcknowledgeLedgersAsync), caller, request);

    public Task<StorageBackup> BackupAsync(Principal caller, CancellationToken cancellationToken = default) =>
        Ask<StorageBackup>(cancellationToken, nameof(BackupAsync), caller);

    public Task<bool> IsReadyAsync(CancellationToken cancellationToken = default) => Task.FromResult(IsReady());

    private async Task<T> Ask<T>(CancellationToken cancellationToken, string method, params object?[] arguments)
    {
        Calls.Enqueue((method, arguments));
        var answer = _answers.TryGetValue(method, out var stated) ? await stated(arguments, cancellationToken) : Samples.Default(method);
        return (T)answer!;
    }
}
