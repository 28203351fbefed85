using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    /// <inheritdoc/>
    public Task<LedgerList> ListLedgersAsync(CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call("list ledgers", HttpMethod.Get, "v1/ledger"), WireJson.Default.LedgerList, cancellationToken);

    /// <inheritdoc/>
    public Task<LedgerCheck> VerifyLedgerAsync(string incarnation, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(incarnation);
        var call = new Call("verify a ledger", HttpMethod.Post, "v1/ledger/verifications") { Key = NewKey(), Timeout = DpAttentionOptions.MaintenanceWait };
        return _exchange.SendAsync(
            call.WithJson(new LedgerVerificationRequest(incarnation), WireJson.Default.LedgerVerificationRequest), WireJson.Default.LedgerCheck, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<AcknowledgementResult> AcknowledgeLedgersAsync(string? store = null, CancellationToken cancellationToken = default)
    {
        var call = new Call("acknowledge ledgers", HttpMethod.Post, "v1/ledger/acknowledgements") { Key = NewKey(), Timeout = DpAttentionOptions.MaintenanceWait };
        return _exchange.SendAsync(
            call.WithJson(new AcknowledgementRequest(store), WireJson.Default.AcknowledgementRequest), WireJson.Default.AcknowledgementResult, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task BackupAsync(Stream destination, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var call = new Call("back up the database", HttpMethod.Get, "v1/backup") { Accept = "application/octet-stream", Timeout = DpAttentionOptions.MaintenanceWait };
        await _exchange.DownloadAsync(call, destination, cancellationToken).ConfigureAwait(false);
    }
}
