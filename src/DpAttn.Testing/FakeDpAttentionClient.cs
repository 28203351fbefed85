using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using DpAttn.Attention;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Testing;

/// <summary>
/// A client without a server, for unit tests: stores in memory, exact attention without any noise, and a real ledger, so that budgets run out
/// as they do in service. Nothing in it is private. For the real thing see <see cref="DpAttnTestCluster"/>.
/// </summary>
/// <remarks>
/// It acts as one user who owns every store. Releases are published at once and cover the rows appended so far; tiers differ in what they cost, not in what they
/// answer. <see cref="Fail(Exception)"/> makes the next call fail, to test how a caller bears it.
/// </remarks>
public sealed class FakeDpAttentionClient : IDpAttentionClient
{
    private static readonly AccountId Account = new("fake-account");
    private static readonly JsonSerializerOptions JsonLines = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private readonly Lock _lock = new();
    private readonly Dictionary<string, FakeStore> _stores = [];
    private readonly Queue<Exception> _failures = [];
    private readonly List<KeyDescription> _keys = [];
    private readonly TimeProvider _clock;

    /// <summary>A fake.</summary>
    /// <param name="clock">The clock of entries, or the system's.</param>
    public FakeDpAttentionClient(TimeProvider? clock = null) => _clock = clock ?? TimeProvider.System;

    /// <summary>Makes the next call that is not yet to fail throw this.</summary>
    public void Fail(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        lock (_lock)
            _failures.Enqueue(failure);
    }

    /// <summary>Makes the next call fail with a problem of the server.</summary>
    /// <param name="code">One of <see cref="ProblemCodes"/>.</param>
    /// <param name="status">Its HTTP status.</param>
    public void Fail(string code, int status) => Fail(Failure(code, status, "a failure that the test asked for"));

    /// <inheritdoc/>
    public Task<StoreDescription> EnsureStoreAsync(string store, StoreDefinition definition, CancellationToken cancellationToken = default) => Locked(() =>
    {
        ArgumentNullException.ThrowIfNull(definition);
        if (!_stores.TryGetValue(store, out var known))
            _stores.Add(store, known = new FakeStore(store, definition));
        else if (!known.IsDefinedBy(definition))
            throw Failure(ProblemCodes.Conflict, 409, $"the name {store} is taken by another definition");
        return known.Describe();
    });

    /// <inheritdoc/>
    public Task<StoreDescription> GetStoreAsync(string store, CancellationToken cancellationToken = default) => Locked(() => Find(store).Describe());

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(CancellationToken cancellationToken = default) =>
        Locked<IReadOnlyList<StoreDescription>>(() => [.. _stores.Values.Select(store => store.Describe())]);

    /// <inheritdoc/>
    public Task DeleteStoreAsync(string store, CancellationToken cancellationToken = default) => Locked(() => _stores.Remove(Find(store).Name));

    /// <inheritdoc/>
    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<float> keys, ReadOnlyMemory<float> values, int rows, bool clip = false, CancellationToken cancellationToken = default) =>
        AppendAsync(store, batch, Widen(keys), Widen(values), rows, clip, cancellationToken);

    /// <inheritdoc/>
    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<double> keys, ReadOnlyMemory<double> values, int rows, bool clip = false, CancellationToken cancellationToken = default) =>
        Locked(() => Find(store).Append(batch, keys.ToArray(), values.ToArray(), rows, clip));

    /// <inheritdoc/>
    public async Task<long> AppendAsync(string store, string batchPrefix, IAsyncEnumerable<Row> rows, IProgress<long>? progress = null, bool clip = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        List<float> keys = [], values = [];
        var count = 0;
        await foreach (var row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            keys.AddRange(row.Key.Span);
            values.AddRange(row.Value.Span);
            count++;
        }
        if (count > 0)
            await AppendAsync(store, $"{batchPrefix}-00000000", keys.ToArray(), values.ToArray(), count, clip, cancellationToken).ConfigureAwait(false);
        progress?.Report(count);
        return count;
    }

    /// <inheritdoc/>
    public Task EraseRowAsync(string store, string batch, int index, CancellationToken cancellationToken = default) => Locked(() => Find(store).Erase(batch, index));

    /// <inheritdoc/>
    public Task<ReleaseDescription> StartPublishAsync(string store, PublishRequest? request = null, string? idempotencyKey = null, CancellationToken cancellationToken = default) =>
        Locked(() => Find(store).Publish(request, idempotencyKey, _clock.GetUtcNow()));

    /// <inheritdoc/>
    public async Task<ReleaseDescription> PublishAsync(string store, PublishRequest? request = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        var release = await StartPublishAsync(store, request, null, cancellationToken).ConfigureAwait(false);
        progress?.Report(1);
        return release;
    }

    /// <inheritdoc/>
    public Task<ReleaseDescription> GetReleaseAsync(string store, string release, CancellationToken cancellationToken = default) => Locked(() => Find(store).Release(release).Describe());

    /// <inheritdoc/>
    public Task<ReleaseDescription> CloseBlockAsync(string store, string release, long block, CancellationToken cancellationToken = default) => Locked(() => Find(store).CloseBlock(release, block));

    /// <inheritdoc/>
    public Task RetireReleaseAsync(string store, string release, CancellationToken cancellationToken = default) => Locked(() => Find(store).Release(release).IsRetired = true);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: a fake has no guarantee to state.</exception>
    public Task<PrivacyStatement> GetPrivacyStatementAsync(string store, string release, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("a fake adds no noise, so it has no guarantee to state; use DpAttnTestCluster");

    /// <inheritdoc/>
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> query, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync(store, query, 1, options, cancellationToken);

    /// <inheritdoc/>
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync(store, Widen(queries), count, options, cancellationToken);

    /// <inheritdoc/>
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<double> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) => Locked(() =>
    {
        var found = Find(store);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (queries.Length != count * found.Definition.KeyDimension)
            throw Failure(ProblemCodes.InvalidRequest, 400, $"{count} queries need {count * found.Definition.KeyDimension} numbers, not {queries.Length}");
        return found.Attend(new Matrix<double>(count, found.Definition.KeyDimension, queries.ToArray()), options ?? new AttendOptions());
    });

    /// <inheritdoc/>
    public Task<EstimateResponse> EstimateAsync(string store, EstimateRequest? request = null, CancellationToken cancellationToken = default) => Locked(() =>
    {
        var found = Find(store);
        return new EstimateResponse(request?.Rows ?? found.Rows, [.. found.Definition.Ladder.Select((epsilon, tier) => new EstimateLine(epsilon, found.Definition.Delta, 0, 0, tier, 0))]);
    });

    /// <inheritdoc/>
    public Task<BudgetDescription> GetBudgetAsync(string store, CancellationToken cancellationToken = default) => Locked(() => Find(store).Budget());

    /// <inheritdoc/>
    public async IAsyncEnumerable<LedgerLine> ListLedgerAsync(string store, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var line in await Locked(() => Find(store).Ledger(_clock.GetUtcNow())).ConfigureAwait(false))
            yield return line;
    }

    /// <inheritdoc/>
    /// <remarks>A fake has one account; every id stands for it.</remarks>
    public IAsyncEnumerable<LedgerLine> ListAccountLedgerAsync(string store, string account, CancellationToken cancellationToken = default) => ListLedgerAsync(store, cancellationToken);

    /// <inheritdoc/>
    public async Task<long> ExportLedgerAsync(string store, Stream target, string? account = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        var written = 0L;
        await foreach (var line in ListLedgerAsync(store, cancellationToken).ConfigureAwait(false))
        {
            await JsonSerializer.SerializeAsync(target, line, JsonLines, cancellationToken).ConfigureAwait(false);
            target.WriteByte((byte)'\n');
            written++;
        }
        return written;
    }

    /// <inheritdoc/>
    public Task<StoreBudgets> ListBudgetsAsync(string store, string? cursor = null, CancellationToken cancellationToken = default) => Locked(() => Find(store).Budgets());

    /// <inheritdoc/>
    public Task<StoreBudgets> SetStoreLimitAsync(string store, double epsilon, CancellationToken cancellationToken = default) => Locked(() =>
    {
        Find(store).SetLimit(epsilon);
        return Find(store).Budgets();
    });

    /// <inheritdoc/>
    public Task<BudgetDescription> GrantAsync(string store, string subject, double epsilon, CancellationToken cancellationToken = default) => Locked(() =>
    {
        var found = Find(store);
        found.Grant(epsilon);
        return found.Budget();
    });

    /// <inheritdoc/>
    /// <remarks>A fake has one account; every subject stands for it.</remarks>
    public Task<BudgetDescription> GrantAsync(string store, AccountLookup who, double epsilon, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(who);
        return GrantAsync(store, who.Subject, epsilon, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<KeyCreated> CreateKeyAsync(KeyRequest request, CancellationToken cancellationToken = default) => Locked(() =>
    {
        ArgumentNullException.ThrowIfNull(request);
        var key = new KeyDescription($"fake-{_keys.Count}", Account.Value, request.Role, _clock.GetUtcNow());
        _keys.Add(key);
        return new KeyCreated(key.Id, $"dpattn_{key.Id}_not-a-secret", key.Account, key.Role);
    });

    /// <inheritdoc/>
    public Task<KeyList> ListKeysAsync(CancellationToken cancellationToken = default) => Locked(() => new KeyList([.. _keys]));

    /// <inheritdoc/>
    public Task RevokeKeyAsync(string id, CancellationToken cancellationToken = default) => Locked(() =>
    {
        var at = _keys.FindIndex(key => key.Id == id);
        if (at < 0)
            throw Failure(ProblemCodes.NotFound, 404, "no key of this id that you may revoke");
        _keys[at] = _keys[at] with { Revoked = _keys[at].Revoked ?? _clock.GetUtcNow() };
        return true;
    });

    /// <inheritdoc/>
    public async IAsyncEnumerable<AuditLine> ListAuditAsync(long after = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // A fake keeps no log.
        await Task.CompletedTask.ConfigureAwait(false);
        yield break;
    }

    /// <inheritdoc/>
    public Task<LedgerList> ListLedgersAsync(CancellationToken cancellationToken = default) =>
        Locked(() => new LedgerList([.. _stores.Values.Select(store => store.Describe()).Select(store => new LedgerState(store.Incarnation, store.Name))]));

    /// <inheritdoc/>
    public Task<LedgerCheck> VerifyLedgerAsync(string incarnation, CancellationToken cancellationToken = default) => Locked(() =>
        _stores.Values.Any(store => store.Describe().Incarnation == incarnation)
            ? new LedgerCheck(incarnation, 0, 0, [])
            : throw Failure(ProblemCodes.NotFound, 404, "no such store"));

    /// <inheritdoc/>
    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(string? store = null, CancellationToken cancellationToken = default) =>
        Locked(() => store is null ? new AcknowledgementResult([]) : throw Failure(ProblemCodes.NotFound, 404, "no such store, or none whose ledger is closed"));

    /// <inheritdoc/>
    /// <remarks>A fake has no database, and says what a server without a file says.</remarks>
    public Task BackupAsync(Stream destination, CancellationToken cancellationToken = default) =>
        Locked<bool>(() => throw Failure(ProblemCodes.InvalidRequest, 400, "this server keeps its data in a database of its own"));

    private static double[] Widen(ReadOnlyMemory<float> numbers) => Array.ConvertAll(numbers.ToArray(), x => (double)x);

    internal static DpAttentionException Failure(string code, int status, string detail) => new(detail, ProblemOf(code, status, detail));

    internal static Problem ProblemOf(string code, int status, string detail) => new()
    {
        Type = $"urn:dpattn:problem:{code}",
        Title = code,
        Status = status,
        Detail = detail,
        Code = code,
        Retryable = status is 429 or 503,
        TraceId = "fake",
    };

    private FakeStore Find(string store) => _stores.TryGetValue(store, out var found) ? found : throw Failure(ProblemCodes.NotFound, 404, "no such store");

    private Task<T> Locked<T>(Func<T> act)
    {
        lock (_lock)
        {
            if (_failures.TryDequeue(out var failure))
                return Task.FromException<T>(failure);
            try
            {
                return Task.FromResult(act());
            }
            catch (Exception e)
            {
                return Task.FromException<T>(e);
            }
        }
    }
}
