using System.Net;
using System.Runtime.CompilerServices;
using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    /// <inheritdoc/>
    public Task<KeyCreated> CreateKeyAsync(KeyRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var call = new Call("create a key", HttpMethod.Post, "v1/keys") { Key = NewKey() };
        return _exchange.SendAsync(call.WithJson(request, WireJson.Default.KeyRequest), WireJson.Default.KeyCreated, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<KeyList> ListKeysAsync(CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call("list keys", HttpMethod.Get, "v1/keys"), WireJson.Default.KeyList, cancellationToken);

    /// <inheritdoc/>
    public Task RevokeKeyAsync(string id, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call("revoke a key", HttpMethod.Delete, "v1/keys/" + Identifiers.PathSegment(id)) { Key = NewKey() }, cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<AuditLine> ListAuditAsync(long after = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        while (true)
        {
            var call = new Call("read the audit log", HttpMethod.Get, $"v1/audit?after={after}");
            var page = await _exchange.SendAsync(call, WireJson.Default.AuditPage, cancellationToken).ConfigureAwait(false);
            foreach (var line in page.Entries)
                yield return line;
            if (page.Next is not { } next)
                yield break;
            if (next <= after)
                throw Exchange.Malformed(call, HttpStatusCode.OK, "a page that leads back");
            after = next;
        }
    }
}
