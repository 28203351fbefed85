using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    private static readonly TimeSpan FirstPollDelay = TimeSpan.FromMilliseconds(50);

    /// <inheritdoc/>
    public Task<ReleaseDescription> StartPublishAsync(string store, PublishRequest? request = null, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        var call = new Call($"publish store '{store}'", HttpMethod.Post, StorePath(store) + "/releases")
        {
            Key = idempotencyKey is null ? NewKey() : Identifiers.Require(idempotencyKey),
        };
        return _exchange.SendAsync(call.WithJson(request ?? new PublishRequest(), WireJson.Default.PublishRequest), WireJson.Default.ReleaseDescription, cancellationToken);
    }

    /// <inheritdoc/>
    /// <exception cref="DpAttentionException">Refused, or the publish failed; the message says why.</exception>
    public async Task<ReleaseDescription> PublishAsync(string store, PublishRequest? request = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        var release = await StartPublishAsync(store, request, null, cancellationToken).ConfigureAwait(false);
        return await WaitAsync(this, store, release, progress, _options.PublishPollDelay, _delay, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits with any client until a release is published.</summary>
    internal static async Task<ReleaseDescription> WaitAsync(
        IDpAttentionClient client, string store, ReleaseDescription release, IProgress<double>? progress, TimeSpan longest, Func<TimeSpan, CancellationToken, Task> delay, CancellationToken cancellationToken)
    {
        for (var wait = Shorter(FirstPollDelay, longest); release.State == "publishing"; wait = Shorter(2 * wait, longest))
        {
            progress?.Report(release.Progress);
            await delay(wait, cancellationToken).ConfigureAwait(false);
            release = await client.GetReleaseAsync(store, release.Id, cancellationToken).ConfigureAwait(false);
        }
        if (release.State != "published")
            throw new DpAttentionException($"publish store '{store}': release {Text.Clean(release.Id)} is {Text.Clean(release.State)}{(release.Failure is { } why ? ": " + Text.Clean(why) : "")}");
        progress?.Report(1);
        return release;
    }

    /// <inheritdoc/>
    public Task<ReleaseDescription> GetReleaseAsync(string store, string release, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call($"read a release of store '{store}'", HttpMethod.Get, ReleasePath(store, release)), WireJson.Default.ReleaseDescription, cancellationToken);

    /// <inheritdoc/>
    public Task<ReleaseDescription> CloseBlockAsync(string store, string release, long block, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        var call = new Call($"close a block of store '{store}'", HttpMethod.Post, ReleasePath(store, release) + "/blocks") { Key = NewKey() };
        return _exchange.SendAsync(call.WithJson(new CloseBlockRequest(block), WireJson.Default.CloseBlockRequest), WireJson.Default.ReleaseDescription, cancellationToken);
    }

    /// <inheritdoc/>
    public Task RetireReleaseAsync(string store, string release, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call($"retire a release of store '{store}'", HttpMethod.Delete, ReleasePath(store, release)) { Key = NewKey() }, cancellationToken);

    /// <inheritdoc/>
    public Task<PrivacyStatement> GetPrivacyStatementAsync(string store, string release, CancellationToken cancellationToken = default)
    {
        var call = new Call($"read a privacy statement of store '{store}'", HttpMethod.Get, ReleasePath(store, release) + "/privacy");
        return _exchange.SendAsync(call, WireJson.Default.PrivacyStatement, cancellationToken);
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
