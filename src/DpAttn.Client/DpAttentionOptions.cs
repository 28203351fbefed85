namespace DpAttn.Client;

/// <summary>Where the cluster is, who asks, and how patient the client is. Read once, when the client is made.</summary>
public sealed class DpAttentionOptions
{
    /// <summary>The longest wait that can be stated anywhere.</summary>
    internal static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    /// <summary>The wait for maintenance, which takes as long as the data is large: above the most that a server allows it (24 h), so that the server decides.</summary>
    internal static readonly TimeSpan MaintenanceWait = TimeSpan.FromHours(25);

    /// <summary>The server's address, such as <c>https://attention.example.org/</c>. Required; a path in it is kept in front of every route.</summary>
    public Uri? Endpoint { get; set; }

    /// <summary>The API key, sent as <c>Authorization: Bearer</c>. Required unless <see cref="CredentialProvider"/> is set.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Gives the credential for each attempt, for tokens that expire. Takes the place of <see cref="ApiKey"/>.</summary>
    public Func<CancellationToken, ValueTask<string>>? CredentialProvider { get; set; }

    /// <summary>Send the credential unencrypted to a host other than this machine: inside a mesh that encrypts by itself. Default false.</summary>
    public bool AllowPlainHttp { get; set; }

    /// <summary>How long one attempt may take, its body included. Default 30 s; above 0, at most 1 h. Longer than the server's own deadline of 10 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a call is tried again. Default 5; from 0 to 20.</summary>
    public int MaxRetries { get; set; } = 5;

    /// <summary>The wait before the first retry, doubled for each further one; half of it is random. Default 250 ms; above 0, at most 1 h.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest wait that doubling reaches. Default 10 s; at least <see cref="RetryDelay"/>, at most 1 h.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest <c>Retry-After</c> that is waited for; when the server asks for more, the call fails at once. Default 15 s; at most 1 h.</summary>
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How many bytes of keys and values a batch of a streamed upload holds at most; at least one row goes into every batch. Default 1 MiB;
    /// from 1 KiB to 64 MiB. Batches are cut by this number alone: keep it the same when an upload is resumed.
    /// </summary>
    public int BatchBytes { get; set; } = 1 << 20;

    /// <summary>How many rows a batch of a streamed upload holds at most. Default 65,536; at least 1. Keep it the same when an upload is resumed.</summary>
    public int BatchRows { get; set; } = 65_536;

    /// <summary>How many batches of a streamed upload are under way at once. Default 3; from 1 to 16. Memory is about one batch more than this.</summary>
    public int UploadsInFlight { get; set; } = 3;

    /// <summary>The longest answer that is read, in bytes. Default 256 MiB; from 64 KiB to 2 GiB - 1.</summary>
    public int MaxResponseBytes { get; set; } = 256 << 20;

    /// <summary>How often a publish under way is looked at, after short first waits. Default 1 s; from 10 ms to 1 h.</summary>
    public TimeSpan PublishPollDelay { get; set; } = TimeSpan.FromSeconds(1);

    internal DpAttentionOptions Copy() => (DpAttentionOptions)MemberwiseClone();
}
