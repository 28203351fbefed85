using System.ComponentModel.DataAnnotations;

namespace DpAttn.Server;

/// <summary>
/// Settings of the HTTP front: section <c>DpAttn</c> of appsettings.json, environment <c>DPATTN__NAME</c>, command line <c>--DpAttn:Name</c>.
/// They are checked at start; unknown ones are refused.
/// </summary>
public sealed class ServerOptions
{
    /// <summary>The section they are read from.</summary>
    public const string Section = "DpAttn";

    /// <summary>The value of <see cref="Storage"/> for one SQLite file.</summary>
    public const string Sqlite = "sqlite";

    /// <summary>The value of <see cref="OtlpProtocol"/> for gRPC.</summary>
    public const string OtlpGrpc = "grpc";

    /// <summary>The value of <see cref="OtlpProtocol"/> for HTTP.</summary>
    public const string OtlpHttp = "http/protobuf";

    /// <summary>The value of <see cref="Storage"/> for a PostgreSQL database.</summary>
    public const string Postgres = "postgres";

    /// <summary>The value of <see cref="Role"/> for a process that does everything.</summary>
    public const string RoleAll = "all";

    /// <summary>The value of <see cref="Role"/> for a process that holds stores and answers fronts.</summary>
    public const string RoleSilo = "silo";

    /// <summary>The value of <see cref="Role"/> for a process that speaks HTTP and asks silos.</summary>
    public const string RoleFront = "front";

    /// <summary>The value of <see cref="Clustering"/> for a cluster of one process.</summary>
    public const string ClusteringNone = "none";

    /// <summary>The value of <see cref="ClusterTls"/> for plain connections on this machine.</summary>
    public const string TlsLoopback = "loopback";

    /// <summary>The value of <see cref="ClusterTls"/> for mutual TLS.</summary>
    public const string TlsMutual = "mutual";

    /// <summary>The value of <see cref="ClusterTls"/> for plain connections to anywhere.</summary>
    public const string TlsNone = "none";

    /// <summary>The value of <see cref="LedgerWitness"/> for a file in <see cref="WitnessDirectory"/>.</summary>
    public const string WitnessFile = "file";

    /// <summary>The value of <see cref="LedgerWitness"/> for no witness.</summary>
    public const string WitnessNone = "none";

    /// <summary>
    /// What this process does: <c>all</c>, API and stores; <c>silo</c>, stores only, asked by fronts; <c>front</c>, the API only, which asks silos. Default <c>all</c>.
    /// </summary>
    [AllowedValues(RoleAll, RoleSilo, RoleFront)]
    public string Role { get; set; } = RoleAll;

    /// <summary>
    /// How processes find each other: <c>none</c>, a cluster of this one process; <c>postgres</c>, by tables in the database of <see cref="PostgresConnection"/>. Default <c>none</c>.
    /// </summary>
    [AllowedValues(ClusteringNone, Postgres)]
    public string Clustering { get; set; } = ClusteringNone;

    /// <summary>The cluster's name: processes of another name on the same database are another cluster of the same stores. Default <c>dpattn</c>.</summary>
    [Required, StringLength(100)]
    public string ClusterId { get; set; } = "dpattn";

    /// <summary>The IP address where a silo listens to silos and fronts; 0.0.0.0 or :: for every address. Default <c>127.0.0.1</c>.</summary>
    [Required]
    public string SiloListen { get; set; } = "127.0.0.1";

    /// <summary>The IP address at which others reach a silo; needed where it listens at every address. Default: <see cref="SiloListen"/>.</summary>
    public string AdvertisedAddress { get; set; } = "";

    /// <summary>The port where a silo listens to silos. Default 11111.</summary>
    [Range(1, 65535)]
    public int SiloPort { get; set; } = 11111;

    /// <summary>The port where a silo listens to fronts. Default 30000.</summary>
    [Range(1, 65535)]
    public int GatewayPort { get; set; } = 30000;

    /// <summary>
    /// How the processes of a cluster speak to each other: <c>loopback</c>, plain and on this machine only; <c>mutual</c>, TLS by which both ends prove with certificates what they are; <c>none</c>, plain to
    /// anywhere, where something else protects them. Default <c>loopback</c>.
    /// </summary>
    [AllowedValues(TlsLoopback, TlsMutual, TlsNone)]
    public string ClusterTls { get; set; } = TlsLoopback;

    /// <summary>PEM file of this process's certificate in the cluster, and of those between it and the authority's; read again when it changes. Default empty.</summary>
    public string ClusterCertificate { get; set; } = "";

    /// <summary>PEM file of its key; empty where it stands in <see cref="ClusterCertificate"/>. Default empty.</summary>
    public string ClusterCertificateKey { get; set; } = "";

    /// <summary>PEM file of the certificates of the authority that alone is trusted within the cluster. Default empty.</summary>
    public string ClusterAuthority { get; set; } = "";

    /// <summary>The DNS name by which the certificate of a silo says that it is one's. Default <c>silo.dpattn</c>.</summary>
    [Required]
    public string ClusterSiloName { get; set; } = "silo.dpattn";

    /// <summary>The DNS name by which the certificate of a front, or of another client of gateways, says that it is one's. Default <c>front.dpattn</c>.</summary>
    [Required]
    public string ClusterFrontName { get; set; } = "front.dpattn";

    /// <summary>The most calls of fronts that a silo works on at once; further ones are refused with 503 busy. Default 1024.</summary>
    [Range(1, 1 << 20)]
    public int MaxGatewayCalls { get; set; } = 1024;

    /// <summary>Where everything is stored: <c>sqlite</c>, a file in <see cref="DataDirectory"/>, or <c>postgres</c>, the database of <see cref="PostgresConnection"/>. Default <c>sqlite</c>.</summary>
    [AllowedValues(Sqlite, Postgres)]
    public string Storage { get; set; } = Sqlite;

    /// <summary>Npgsql's connection string of the PostgreSQL database; a secret, since it may hold a password. Default empty.</summary>
    [Secret]
    public string PostgresConnection { get; set; } = "";

    /// <summary>
    /// The file of the keys that wrap the secrets in the storage (mode 0600, or 0640 where root owns it and the server runs as another user; a line "id base64" per key, 32 bytes each, the last one current), the same for all processes of one database. With PostgreSQL it has
    /// to be named and be there; default: <c>dpattn.key</c> in <see cref="DataDirectory"/>, which is made at the first start.
    /// </summary>
    public string KeyFile { get; set; } = "";

    /// <summary>Where the embedded storage lives; made when it is missing. Default <c>dpattn-data</c> in the current directory.</summary>
    [Required]
    public string DataDirectory { get; set; } = "dpattn-data";

    /// <summary>
    /// What recognises an older copy of the database: <c>file</c>, a witness in <see cref="WitnessDirectory"/>, for one process, or instead the one of <see cref="WitnessConnection"/> where that is stated; <c>none</c>,
    /// nothing, and what a restored copy has forgotten can be spent again. Default <c>file</c>.
    /// </summary>
    [AllowedValues(WitnessFile, WitnessNone)]
    public string LedgerWitness { get; set; } = WitnessFile;

    /// <summary>
    /// Where the ledger's witness lives, which recognises an older copy of the database: another directory than <see cref="DataDirectory"/> and not within it, on another disk where
    /// there is one, and never part of the same backup. Default: <see cref="DataDirectory"/> with <c>-witness</c> behind its name.
    /// </summary>
    public string WitnessDirectory { get; set; } = "";

    /// <summary>
    /// Npgsql's connection string of another PostgreSQL database, best on another server and never in the same backup, for a witness that all processes of one PostgreSQL database share, in place of
    /// <see cref="WitnessDirectory"/>; a secret, since it may hold a password. Default empty: the witness is a file, and one process at a time serves the database.
    /// </summary>
    [Secret]
    public string WitnessConnection { get; set; } = "";

    /// <summary>
    /// Where the API listens: http or https, an IP address, localhost or * (every address), and a port (0: a free one); several are
    /// separated by semicolons. Default <c>http://127.0.0.1:8080</c>.
    /// </summary>
    [Required]
    public string Listen { get; set; } = "http://127.0.0.1:8080";

    /// <summary>Where health and <c>/metrics</c> answer, as <see cref="Listen"/>; empty for nowhere. They ask for no credential. Default <c>http://127.0.0.1:8081</c>.</summary>
    public string AdminListen { get; set; } = "http://127.0.0.1:8081";

    /// <summary>PEM file of the certificate chain, needed by https addresses. Default empty.</summary>
    public string Certificate { get; set; } = "";

    /// <summary>PEM file of the certificate's key; empty where it stands in <see cref="Certificate"/>. Default empty.</summary>
    public string CertificateKey { get; set; } = "";

    /// <summary>The most bytes in a body of rows or queries, and the most bytes of numbers decoded from one. Default 64 MiB.</summary>
    [Range(1024, 1 << 30)]
    public int MaxBodyBytes { get; set; } = 64 << 20;

    /// <summary>The most bytes in any other body. Default 1 MiB.</summary>
    [Range(1024, 64 << 20)]
    public int MaxJsonBodyBytes { get; set; } = 1 << 20;

    /// <summary>The most bytes in one line of a JSON-lines body. Default 1 MiB.</summary>
    [Range(1024, 64 << 20)]
    public int MaxJsonLineBytes { get; set; } = 1 << 20;

    /// <summary>The most queries in one request. Default 4096.</summary>
    [Range(1, 1 << 20)]
    public int MaxQueries { get; set; } = 4096;

    /// <summary>The most open connections; further ones are closed. Default 4096.</summary>
    [Range(1, 1 << 20)]
    public int MaxConnections { get; set; } = 4096;

    /// <summary>The most requests worked on at once. Default 256.</summary>
    [Range(1, 1 << 16)]
    public int MaxConcurrentRequests { get; set; } = 256;

    /// <summary>How many requests wait beyond those; further ones are refused with 503 busy. Default 1024.</summary>
    [Range(0, 1 << 20)]
    public int RequestQueue { get; set; } = 1024;

    /// <summary>How many requests a second one account may send for long; further ones are refused with 429 rate_limited. 0: any number. Of several fronts each allows as many. Default 1000.</summary>
    [Range(0, 1_000_000)]
    public int RequestsPerSecond { get; set; } = 1000;

    /// <summary>How many requests one account may send at once, after a rest. Default 2000.</summary>
    [Range(1, 1_000_000)]
    public int RequestBurst { get; set; } = 2000;

    /// <summary>
    /// How many requests without a valid credential one address (of IPv6 its first 64 bits) may send a minute for long; then it gets 429 rate_limited, but for credentials that were good before. 0: any
    /// number. Default 60.
    /// </summary>
    [Range(0, 1_000_000)]
    public int AuthFailuresPerMinute { get; set; } = 60;

    /// <summary>How many such requests one address may send at once, after a rest. Default 100.</summary>
    [Range(1, 1_000_000)]
    public int AuthFailureBurst { get; set; } = 100;

    /// <summary>
    /// The proxies before this front whose <c>X-Forwarded-For</c> says who asks, for limits by address: IP addresses and networks such as <c>10.1.0.0/16</c>, separated by semicolons. What anybody else says there is not
    /// read. Default empty: none.
    /// </summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>How many accounts, and how many addresses, are counted at once; the least recently seen are forgotten first. Default 65536.</summary>
    [Range(16, 1 << 24)]
    public int RateLimitEntries { get; set; } = 65_536;

    /// <summary>
    /// The most batches of rows taken in at once: each holds at most four times <see cref="MaxBodyBytes"/> in memory. Default 4.
    /// </summary>
    [Range(1, 1024)]
    public int MaxConcurrentUploads { get; set; } = 4;

    /// <summary>How many batches wait beyond those; further ones are refused with 503 busy. Default 16.</summary>
    [Range(0, 1 << 16)]
    public int UploadQueue { get; set; } = 16;

    /// <summary>How long the cluster may take to answer a request that has been read. Default 10.</summary>
    [Range(1, 3600)]
    public int RequestTimeoutSeconds { get; set; } = 10;

    /// <summary>How long verifying or acknowledging a ledger or copying the database may take: as long as they are large. Default 3600.</summary>
    [Range(10, 86_400)]
    public int MaintenanceTimeoutSeconds { get; set; } = 3600;

    /// <summary>Threads for sums and noise; 0 for one less than the cores, at least 1. Default 0.</summary>
    [Range(0, 1024)]
    public int ScanThreads { get; set; }

    /// <summary>Memory for released nodes, in MiB; the least recently used go first. Default 1024.</summary>
    [Range(1, 1 << 20)]
    public int NodeCacheMiB { get; set; } = 1024;

    /// <summary>Memory for noised parts of distance-tree releases, in MiB; the least recently used go first. Default 256.</summary>
    [Range(1, 1 << 20)]
    public int PartCacheMiB { get; set; } = 256;

    /// <summary>Memory for the exact sums that distance-tree releases answer from, in MiB; the least recently used go first. Default 1024.</summary>
    [Range(1, 1 << 20)]
    public int SumMiB { get; set; } = 1024;

    /// <summary>Memory for rows on their way in, in MiB; further batches are refused with 503 busy. Default 256.</summary>
    [Range(1, 1 << 20)]
    public int IngestMiB { get; set; } = 256;

    /// <summary>
    /// Memory for the rows of per-query stores, in MiB; further rows for such stores are refused with 503 storage_full, and queries whose shards cannot be loaded with 503
    /// shard_unavailable. Default 1024.
    /// </summary>
    [Range(1, 1 << 20)]
    public int RowMiB { get; set; } = 1024;

    /// <summary>For how many days the answer of a per-query request is kept for its retries; then they are refused with 410 answer_expired. Default 7.</summary>
    [Range(1, 3650)]
    public int AnswerRetentionDays { get; set; } = 7;

    /// <summary>
    /// The OpenID Connect issuer whose tokens (JWT) are taken beside API keys: an https address below which <c>/.well-known/openid-configuration</c> names its keys. Empty: none. Default empty.
    /// </summary>
    public string JwtAuthority { get; set; } = "";

    /// <summary>The audience that tokens must be for; needed with <see cref="JwtAuthority"/>. Default empty.</summary>
    public string JwtAudience { get; set; } = "";

    /// <summary>The claim that says who it is; with the issuer it is the account, so it never changes. Default <c>sub</c>.</summary>
    [Required]
    public string JwtSubjectClaim { get; set; } = "sub";

    /// <summary>The claim that lists roles; dots lead into objects. Default <c>roles</c>.</summary>
    [Required]
    public string JwtRoleClaim { get; set; } = "roles";

    /// <summary>The issuer's name of the role operator; empty: no token is an operator's. Default empty.</summary>
    public string JwtOperatorRole { get; set; } = "";

    /// <summary>The issuer's name of the role owner; empty: no token is an owner's. Default <c>dpattn-owner</c>.</summary>
    public string JwtOwnerRole { get; set; } = "dpattn-owner";

    /// <summary>The issuer's name of the role user; empty: no token is a user's. Default <c>dpattn-user</c>.</summary>
    public string JwtUserRole { get; set; } = "dpattn-user";

    /// <summary>
    /// The OpenTelemetry collector that traces, metrics and logs are sent to, such as <c>http://127.0.0.1:4317</c>. Empty: none, unless <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names one. Headers, as of a
    /// collector that asks for a token, stand in <c>OTEL_EXPORTER_OTLP_HEADERS</c>. Default empty.
    /// </summary>
    public string OtlpEndpoint { get; set; } = "";

    /// <summary>What <see cref="OtlpEndpoint"/> speaks: <c>grpc</c> or <c>http/protobuf</c>. Default <c>grpc</c>.</summary>
    [AllowedValues(OtlpGrpc, OtlpHttp)]
    public string OtlpProtocol { get; set; } = OtlpGrpc;

    /// <summary>How long a stopping server waits for requests under way. Default 30.</summary>
    [Range(0, 3600)]
    public int ShutdownSeconds { get; set; } = 30;

    /// <summary>How often the certificates of the cluster are read again.</summary>
    internal TimeSpan ClusterCertificateInterval { get; set; } = Gateway.LinkCertificateSource.DefaultInterval;

    /// <summary>Whether this process holds stores.</summary>
    internal bool IsSilo => Role != RoleFront;

    /// <summary>Whether this process speaks HTTP to users.</summary>
    internal bool IsFront => Role != RoleSilo;

    /// <summary>The witness's directory, the default filled in; null without a witness.</summary>
    internal string? Witness => LedgerWitness == WitnessNone ? null
        : WitnessDirectory.Length > 0 ? WitnessDirectory : Path.TrimEndingDirectorySeparator(Path.GetFullPath(DataDirectory)) + "-witness";

    /// <summary>Reads and checks the section; unknown settings in it are refused.</summary>
    /// <exception cref="SettingsException">One line per fault.</exception>
    public static ServerOptions Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var options = SettingsReader.Read<ServerOptions>(configuration, Section);
        options.Validate();
        return options;
    }

    /// <summary>Checks settings that were not read from a configuration.</summary>
    /// <exception cref="SettingsException">One line per fault.</exception>
    public void Validate()
    {
        var faults = SettingsCheck.Faults(this);
        if (faults.Count > 0)
            throw new SettingsException(faults);
    }
}
