using System.Net;

namespace DpAttn.Client;

/// <summary>Where the cluster is, whose credential is carried, and how patient the client is. Read once, when the client is made.</summary>
public sealed class DpAttentionClusterOptions
{
    /// <summary>The cluster's name, as its silos state it. Default <c>dpattn</c>.</summary>
    public string ClusterId { get; set; } = "dpattn";

    /// <summary>Gateways of silos; one that answers is enough, and several survive its loss. Either these or <see cref="MembershipConnection"/>.</summary>
    public IList<IPEndPoint> Gateways { get; } = [];

    /// <summary>The Npgsql connection string of the database that knows the silos; it is asked for gateways only, so a login that reads the membership's tables is enough. Either this or <see cref="Gateways"/>.</summary>
    public string? MembershipConnection { get; set; }

    /// <summary>
    /// PEM file of this program's certificate, and of those between it and the authority's, for mutual TLS with gateways; read again when it changes. Without it gateways are asked plainly, and on this machine only.
    /// Default empty.
    /// </summary>
    public string Certificate { get; set; } = "";

    /// <summary>PEM file of the certificate's key; empty where it stands in <see cref="Certificate"/>. Default empty.</summary>
    public string CertificateKey { get; set; } = "";

    /// <summary>PEM file of the certificates of the authority that alone is trusted to say who is a silo; needed with <see cref="Certificate"/>. Default empty.</summary>
    public string Authority { get; set; } = "";

    /// <summary>The DNS name in the certificates of silos. Default <c>silo.dpattn</c>.</summary>
    public string SiloName { get; set; } = "silo.dpattn";

    /// <summary>The DNS name in the certificates of fronts, which this program's has to have. Default <c>front.dpattn</c>.</summary>
    public string FrontName { get; set; } = "front.dpattn";

    /// <summary>Whether gateways on other machines are asked plainly, where something else protects what is said. Not with <see cref="Certificate"/>. Default false.</summary>
    public bool AllowPlaintext { get; set; }

    /// <summary>
    /// Gives the credential of whoever asks, for each attempt: in a web front end that of the request at hand. The cluster checks it with every call; the client knows nothing that it could ask with itself.
    /// Required.
    /// </summary>
    public Func<CancellationToken, ValueTask<string>>? CredentialProvider { get; set; }

    /// <summary>How long one attempt may take. Default 30 s; above 0, at most 1 h.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a call is tried again. Default 5; from 0 to 20.</summary>
    public int MaxRetries { get; set; } = 5;

    /// <summary>The wait before the first retry, doubled for each further one; half of it is random. Default 250 ms; above 0, at most 1 h.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest wait that doubling reaches. Default 10 s; at least <see cref="RetryDelay"/>, at most 1 h.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many bytes of keys and values a batch of a streamed upload holds at most. Default 1 MiB; from 1 KiB to 64 MiB.</summary>
    public int BatchBytes { get; set; } = 1 << 20;

    /// <summary>How many rows a batch of a streamed upload holds at most. Default 65,536; at least 1.</summary>
    public int BatchRows { get; set; } = 65_536;

    /// <summary>How many batches of a streamed upload are under way at once. Default 3; from 1 to 16.</summary>
    public int UploadsInFlight { get; set; } = 3;

    /// <summary>How often a publish under way is looked at, after short first waits. Default 1 s; from 10 ms to 1 h.</summary>
    public TimeSpan PublishPollDelay { get; set; } = TimeSpan.FromSeconds(1);
}
