using System.Runtime.CompilerServices;
using System.Text;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

/// <summary>A server in a few functions; whatever a test does not set is not called.</summary>
internal sealed class FakeClient : IDpAttentionClient, IDisposable
{
    public Func<string, StoreDefinition, StoreDescription>? EnsureStore { get; set; }

    public Func<string, StoreDescription>? GetStore { get; set; }

    public Func<IReadOnlyList<StoreDescription>>? ListStores { get; set; }

    public Action<string>? DeleteStore { get; set; }

    /// <summary>Receives batches of rows, each number after the other.</summary>
    public Func<string, string, List<float[]>, CancellationToken, Task>? Append { get; set; }

    public Func<string, PublishRequest, ReleaseDescription>? StartPublish { get; set; }

    public Func<string, string, ReleaseDescription>? GetRelease { get; set; }

    public Func<string, string, long, ReleaseDescription>? CloseBlock { get; set; }

    public Func<string, string, PrivacyStatement>? GetStatement { get; set; }

    public Func<string, float[], int, AttendOptions, AttendResponse>? Attend { get; set; }

    public Func<string, BudgetDescription>? GetBudget { get; set; }

    public Func<string, IReadOnlyList<LedgerLine>>? ListLedger { get; set; }

    public Func<string, string, IReadOnlyList<LedgerLine>>? ListAccountLedger { get; set; }

    public Func<string, string?, string>? ExportLedger { get; set; }

    public Func<string, string?, StoreBudgets>? ListBudgets { get; set; }

    public Func<string, double, StoreBudgets>? SetStoreLimit { get; set; }

    public Func<string, AccountLookup, double, BudgetDescription>? Grant { get; set; }

    public Func<KeyRequest, KeyCreated>? CreateKey { get; set; }

    public Func<KeyList>? ListKeys { get; set; }

    public Action<string>? RevokeKey { get; set; }

    public Func<long, IReadOnlyList<AuditLine>>? ListAudit { get; set; }

    public Func<LedgerList>? ListLedgers { get; set; }

    public Func<string, LedgerCheck>? VerifyLedger { get; set; }

    public Func<string?, AcknowledgementResult>? AcknowledgeLedgers { get; set; }

    public Action<Stream>? Backup { get; set; }

    public bool IsDisposed { get; private set; }

    public int RowsPerBatch { get; init; } = 4;

    public Task<StoreDescription> EnsureStoreAsync(string store, StoreDefinition definition, CancellationToken cancellationToken = default) => Run(EnsureStore, f => f(store, definition));

    public Task<StoreDescription> GetStoreAsync(string store, CancellationToken cancellationToken = default) => Run(GetStore, f => f(store));

    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(CancellationToken cancellationToken = default) => Run(ListStores, f => f());

    public Task DeleteStoreAsync(string store, CancellationToken cancellationToken = default) => Run(DeleteStore, f => Then(() => f(store)));

    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<float> keys, ReadOnlyMemory<float> values, int rows, bool clip = false, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<double> keys, ReadOnlyMemory<double> values, int rows, bool clip = false, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public async Task<long> AppendAsync(string store, string batchPrefix, IAsyncEnumerable<Row> rows, IProgress<long>? progress = null, bool clip = false, CancellationToken cancellationToken = default)
    {
        var batch = new List<float[]>();
        var (sent, number) = (0L, 0);
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            batch.Add([.. row.Key.Span, .. row.Value.Span]);
            if (batch.Count == RowsPerBatch)
                await SendAsync();
        }
        if (batch.Count > 0)
            await SendAsync();
        return sent;

        async Task SendAsync()
        {
            cancellationToken.ThrowIfCancellationRequested();
            await (Append ?? throw new NotSupportedException())(store, $"{batchPrefix}-{number++:00000000}", batch, cancellationToken);
            sent += batch.Count;
            batch = [];
            progress?.Report(sent);
        }
    }

    public Task EraseRowAsync(string store, string batch, int index, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ReleaseDescription> StartPublishAsync(string store, PublishRequest? request = null, string? idempotencyKey = null, CancellationToken cancellationToken = default) => Run(StartPublish, f => f(store, request!));

    public Task<ReleaseDescription> PublishAsync(string store, PublishRequest? request = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ReleaseDescription> GetReleaseAsync(string store, string release, CancellationToken cancellationToken = default) => Run(GetRelease, f => f(store, release));

    public Task<ReleaseDescription> CloseBlockAsync(string store, string release, long block, CancellationToken cancellationToken = default) => Run(CloseBlock, f => f(store, release, block));

    public Task RetireReleaseAsync(string store, string release, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<PrivacyStatement> GetPrivacyStatementAsync(string store, string release, CancellationToken cancellationToken = default) => Run(GetStatement, f => f(store, release));

    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> query, AttendOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) => Run(Attend, f => f(store, queries.ToArray(), count, options!));

    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<double> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<EstimateResponse> EstimateAsync(string store, EstimateRequest? request = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<BudgetDescription> GetBudgetAsync(string store, CancellationToken cancellationToken = default) => Run(GetBudget, f => f(store));

    public IAsyncEnumerable<LedgerLine> ListLedgerAsync(string store, CancellationToken cancellationToken = default) => Lines(ListLedger, f => f(store), cancellationToken);

    public IAsyncEnumerable<LedgerLine> ListAccountLedgerAsync(string store, string account, CancellationToken cancellationToken = default) => Lines(ListAccountLedger, f => f(store, account), cancellationToken);

    public async Task<long> ExportLedgerAsync(string store, Stream target, string? account = null, CancellationToken cancellationToken = default)
    {
        await target.WriteAsync(Encoding.UTF8.GetBytes((ExportLedger ?? throw new NotSupportedException())(store, account)), cancellationToken);
        return 1;
    }

    public Task<StoreBudgets> SetStoreLimitAsync(string store, double epsilon, CancellationToken cancellationToken = default) => Run(SetStoreLimit, f => f(store, epsilon));

    public Task<StoreBudgets> ListBudgetsAsync(string store, string? cursor = null, CancellationToken cancellationToken = default) => Run(ListBudgets, f => f(store, cursor));

    public Task<BudgetDescription> GrantAsync(string store, string subject, double epsilon, CancellationToken cancellationToken = default) => GrantAsync(store, new AccountLookup(subject), epsilon, cancellationToken);

    public Task<BudgetDescription> GrantAsync(string store, AccountLookup who, double epsilon, CancellationToken cancellationToken = default) => Run(Grant, f => f(store, who, epsilon));

    public Task<KeyCreated> CreateKeyAsync(KeyRequest request, CancellationToken cancellationToken = default) => Run(CreateKey, f => f(request));

    public Task<KeyList> ListKeysAsync(CancellationToken cancellationToken = default) => Run(ListKeys, f => f());

    public Task RevokeKeyAsync(string id, CancellationToken cancellationToken = default) => Run(RevokeKey, f => Then(() => f(id)));

    public IAsyncEnumerable<AuditLine> ListAuditAsync(long after = 0, CancellationToken cancellationToken = default) => Lines(ListAudit, f => f(after), cancellationToken);

    public Task<LedgerList> ListLedgersAsync(CancellationToken cancellationToken = default) => Run(ListLedgers, f => f());

    public Task<LedgerCheck> VerifyLedgerAsync(string incarnation, CancellationToken cancellationToken = default) => Run(VerifyLedger, f => f(incarnation));

    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(string? store = null, CancellationToken cancellationToken = default) => Run(AcknowledgeLedgers, f => f(store));

    public Task BackupAsync(Stream destination, CancellationToken cancellationToken = default) => Run(Backup, f => Then(() => f(destination)));

    public void Dispose() => IsDisposed = true;

    private static async Task<T> Run<TFunction, T>(TFunction? function, Func<TFunction, T> call)
        where TFunction : class
    {
        await Task.Yield();
        return call(function ?? throw new NotSupportedException("the verb called what the test did not expect"));
    }

    private static async IAsyncEnumerable<T> Lines<TFunction, T>(TFunction? function, Func<TFunction, IReadOnlyList<T>> call, [EnumeratorCancellation] CancellationToken cancellationToken)
        where TFunction : class
    {
        foreach (var line in await Run(function, call))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return line;
        }
    }

    private static bool Then(Action action)
    {
        action();
        return true;
    }
}
