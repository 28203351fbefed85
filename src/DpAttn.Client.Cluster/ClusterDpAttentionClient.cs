using DpAttn.Client.Internal;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Client;

/// <summary>
/// The SDK over the gateways of a cluster. It differs from the one over HTTP in the way that it goes, and in nothing that it can do: it carries a credential, which the cluster checks with every call, and has the same
/// idempotency keys, retries and refusals.
/// </summary>
internal sealed partial class ClusterDpAttentionClient(ClusterSettings settings, DoorClient door) : IDpAttentionClient
{
    private const int PageLength = 100;
    private readonly DpAttentionOptions _options = settings.Patience;

    public Task<StoreDescription> EnsureStoreAsync(string store, StoreDefinition definition, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(definition);
        var request = new DoorRequest(Operations.EnsureStore, Identifiers.Require(store), body: GatewayJson.Write(definition));
        return RunAsync($"create store '{store}'", async (credential, token) => (await door.AskAsync<EnsuredStore>(credential, request, token).ConfigureAwait(false)).Store, cancellationToken);
    }

    public Task<StoreDescription> GetStoreAsync(string store, CancellationToken cancellationToken = default) =>
        AskAsync<StoreDescription>($"read store '{store}'", new DoorRequest(Operations.GetStore, Identifiers.Require(store)), cancellationToken);

    public Task<IReadOnlyList<StoreDescription>> ListStoresAsync(CancellationToken cancellationToken = default) =>
        AskAsync<IReadOnlyList<StoreDescription>>("list stores", new DoorRequest(Operations.ListStores), cancellationToken);

    public Task DeleteStoreAsync(string store, CancellationToken cancellationToken = default) =>
        TellAsync($"delete store '{store}'", new DoorRequest(Operations.DeleteStore, Identifiers.Require(store)), cancellationToken);

    public Task<ReleaseDescription> StartPublishAsync(string store, PublishRequest? request = null, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        var key = idempotencyKey is null ? Identifiers.NewKey() : Identifiers.Require(idempotencyKey);
        var asked = new DoorRequest(Operations.Publish, Identifiers.Require(store), text: key, body: GatewayJson.Write(request ?? new PublishRequest()));
        return AskAsync<ReleaseDescription>($"publish store '{store}'", asked, cancellationToken, key);
    }

    public async Task<ReleaseDescription> PublishAsync(string store, PublishRequest? request = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        var release = await StartPublishAsync(store, request, null, cancellationToken).ConfigureAwait(false);
        return await DpAttentionClient.WaitAsync(this, store, release, progress, _options.PublishPollDelay, Task.Delay, cancellationToken).ConfigureAwait(false);
    }

    public Task<ReleaseDescription> GetReleaseAsync(string store, string release, CancellationToken cancellationToken = default) =>
        AskAsync<ReleaseDescription>($"read a release of store '{store}'", new DoorRequest(Operations.GetRelease, Identifiers.Require(store), Identifiers.Require(release)), cancellationToken);

    public Task<ReleaseDescription> CloseBlockAsync(string store, string release, long block, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        var request = new DoorRequest(Operations.CloseBlock, Identifiers.Require(store), Identifiers.Require(release), body: GatewayJson.Write(new CloseBlockRequest(block)));
        return AskAsync<ReleaseDescription>($"close a block of store '{store}'", request, cancellationToken);
    }

    public Task RetireReleaseAsync(string store, string release, CancellationToken cancellationToken = default) =>
        TellAsync($"retire a release of store '{store}'", new DoorRequest(Operations.RetireRelease, Identifiers.Require(store), Identifiers.Require(release)), cancellationToken);

    public Task<PrivacyStatement> GetPrivacyStatementAsync(string store, string release, CancellationToken cancellationToken = default) =>
        AskAsync<PrivacyStatement>($"read a privacy statement of store '{store}'", new DoorRequest(Operations.GetPrivacyStatement, Identifiers.Require(store), Identifiers.Require(release)), cancellationToken);

    public Task<EstimateResponse> EstimateAsync(string store, EstimateRequest? request = null, CancellationToken cancellationToken = default) =>
        AskAsync<EstimateResponse>($"estimate for store '{store}'", new DoorRequest(Operations.Estimate, Identifiers.Require(store), body: GatewayJson.Write(request ?? new EstimateRequest())), cancellationToken);

    public Task<KeyCreated> CreateKeyAsync(KeyRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return AskAsync<KeyCreated>("create a key", new DoorRequest(Operations.CreateKey, body: GatewayJson.Write(request)), cancellationToken);
    }

    public Task<KeyList> ListKeysAsync(CancellationToken cancellationToken = default) => AskAsync<KeyList>("list keys", new DoorRequest(Operations.ListKeys), cancellationToken);

    public Task RevokeKeyAsync(string id, CancellationToken cancellationToken = default) =>
        TellAsync("revoke a key", new DoorRequest(Operations.RevokeKey, name: Identifiers.Require(id)), cancellationToken);

    public Task<LedgerList> ListLedgersAsync(CancellationToken cancellationToken = default) => AskAsync<LedgerList>("list ledgers", new DoorRequest(Operations.ListLedgers), cancellationToken);

    public Task<LedgerCheck> VerifyLedgerAsync(string incarnation, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(incarnation);
        var request = new DoorRequest(Operations.VerifyLedger, body: GatewayJson.Write(new LedgerVerificationRequest(incarnation)));
        return RunAsync("verify a ledger", (credential, token) => door.MaintainAsync<LedgerCheck>(credential, request, token), cancellationToken, timeout: DpAttentionOptions.MaintenanceWait);
    }

    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(string? store = null, CancellationToken cancellationToken = default)
    {
        var request = new DoorRequest(Operations.AcknowledgeLedgers, body: GatewayJson.Write(new AcknowledgementRequest(store)));
        return RunAsync("acknowledge ledgers", (credential, token) => door.MaintainAsync<AcknowledgementResult>(credential, request, token), cancellationToken, timeout: DpAttentionOptions.MaintenanceWait);
    }

    /// <summary>A cluster of several processes keeps its data in a database of its own, which is copied with that database's tools.</summary>
    public Task BackupAsync(Stream destination, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("a cluster behind gateways keeps its data in PostgreSQL: back it up with that database's tools (pg_basebackup with the archived log, or pg_dump)");

    private Task<T> AskAsync<T>(string what, DoorRequest request, CancellationToken cancellationToken, string? key = null) =>
        RunAsync(what, (credential, token) => door.AskAsync<T>(credential, request, token), cancellationToken, key);

    private Task TellAsync(string what, DoorRequest request, CancellationToken cancellationToken) =>
        RunAsync(
            what,
            async (credential, token) =>
            {
                await door.TellAsync(credential, request, token).ConfigureAwait(false);
                return true;
            },
            cancellationToken);

    /// <summary>Attempts of one call, all with the same key, as over HTTP.</summary>
    private async Task<T> RunAsync<T>(string what, Func<string, CancellationToken, Task<T>> attempt, CancellationToken cancellationToken, string? key = null, TimeSpan? timeout = null)
    {
        var call = new Call(what, HttpMethod.Post, "") { Key = key };
        var isUnknown = false;
        for (var tried = 0; ; tried++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (result, failure) = await TryAsync(call, attempt, timeout, cancellationToken).ConfigureAwait(false);
            if (failure is null)
                return result!;
            var retry = failure.IsTransient || (isUnknown && failure.IsOwnKeyInUse);
            isUnknown |= failure.IsUnknown;
            if (!retry || RetrySchedule.Next(_options, tried, failure.RetryAfter) is not { } wait)
                throw failure.ToException(call, "");
            if (tried == _options.MaxRetries)
                throw failure.ToException(call, tried == 0 ? "" : $", after {tried + 1} attempts");
            await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<(T? Result, Outcome? Failure)> TryAsync<T>(Call call, Func<string, CancellationToken, Task<T>> attempt, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var limit = timeout ?? _options.Timeout;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            var credential = await _options.CredentialProvider!(deadline.Token).ConfigureAwait(false);
            if (!Internal.Credential.IsSendable(credential))
                throw new DpAttentionException($"{call.What}: CredentialProvider gave something other than 1 to {Internal.Credential.LongestLength} printable ASCII characters without spaces");
            return (await attempt(credential, deadline.Token).ConfigureAwait(false), null);
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return (default, Outcome.TimedOut(limit, e, isTransient: timeout is null));
        }
        catch (GatewayProblemException e)
        {
            return (default, ProblemRules.ToOutcome(e.Report));
        }
    }
}
