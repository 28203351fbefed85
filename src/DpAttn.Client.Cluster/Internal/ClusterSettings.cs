using System.Net;
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
        return new ClusterSettings(
            new GatewaySettings
            {
                ClusterId = options.ClusterId,
                Gateways = [.. options.Gateways],
                MembershipConnection = options.MembershipConnection,
                Protection = options.Certificate.Length > 0 ? LinkProtection.Mutual : options.AllowPlaintext ? LinkProtection.None : LinkProtection.Loopback,
                Links = LinksOf(options),
            },
            patience);
    }

    private static LinkFiles? LinksOf(DpAttentionClusterOptions options)
    {
        if (options.Certificate.Length == 0)
        {
            if (options.CertificateKey.Length > 0 || options.Authority.Length > 0)
                throw new ArgumentException("CertificateKey and Authority need Certificate", nameof(options));
            if (!options.AllowPlaintext && options.Gateways.Any(gateway => !IPAddress.IsLoopback(gateway.Address)))
                throw new ArgumentException("Gateways has one on another machine, which needs Certificate and Authority, or AllowPlaintext where something else protects what is said", nameof(options));
            return null;
        }
        if (options.AllowPlaintext)
            throw new ArgumentException("AllowPlaintext and Certificate are two answers: state one", nameof(options));
        if (options.Authority.Length == 0)
            throw new ArgumentException("Certificate needs Authority: who says which gateways are a silo's", nameof(options));
        if (options.SiloName.Length == 0 || options.FrontName.Length == 0 || options.SiloName.Equals(options.FrontName, StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException("SiloName and FrontName must be stated, and differ", nameof(options));
        var files = new LinkFiles { Certificate = options.Certificate, Key = options.CertificateKey, Authority = options.Authority, SiloName = options.SiloName, FrontName = options.FrontName };
        try
        {
            LinkCertificates.Of(files, LinkBytes.Read(files), LinkRole.Front);
            return files;
        }
        catch (LinkFaultException e)
        {
            var name = e.Fault.Setting == nameof(LinkFiles.Key) ? nameof(options.CertificateKey) : e.Fault.Setting;
            throw new ArgumentException($"{name}: {e.Fault.Text}", nameof(options));
        }
    }
}
