using DpAttn.Gateway;

namespace DpAttn.Client.Internal;

/// <summary>Checked options of a client over gateways.</summary>
/// <param name="Gateway">Where gateways are found.</param>
/// <param name="Patience">Timeouts, retries and batches: bounds and meaning are those of the client over HTTP.</param>
internal sealed record ClusterSettings(GatewaySettings Gateway, DpAttentionOptions Patience)
{
    /// <exception cref="ArgumentException">An option is missing or impossible; the message names it.</exception>
    public static ClusterSettings Of(DpAttentionClusterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (string.IsNullOrEmpty(options.ClusterId) || options.ClusterId.Length > 100)
            throw new ArgumentException("ClusterId must have 1 to 100 characters", nameof(options));
        if (options.Gateways.Count > 0 == options.MembershipConnection is not null)
            throw new ArgumentException("either Gateways or MembershipConnection must be set, and not both", nameof(options));
        if (options.CredentialProvider is null)
            throw new ArgumentException("CredentialProvider is missing: it gives the credential of whoever asks", nameof(options));
        var patience = OptionsValidator.Require(new DpAttentionOptions
        {
            // Nothing goes there.
            Endpoint = new Uri("https://gateway.invalid/"),
            CredentialProvider = options.CredentialProvider,
            Timeout = options.Timeout,
            MaxRetries = options.MaxRetries,
            RetryDelay = options.RetryDelay,
            MaxRetryDelay = options.MaxRetryDelay,
            BatchBytes = options.BatchBytes,
            BatchRows = options.BatchRows,
            UploadsInFlight = options.UploadsInFlight,
            PublishPollDelay = options.PublishPollDelay,
        });
        return new ClusterSettings(new GatewaySettings { ClusterId = options.ClusterId, Gateways = [.. options.Gateways], MembershipConnection = options.MembershipConnection }, patience);
    }
}
