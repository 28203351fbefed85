namespace DpAttn.Cluster;

/// <summary>What a silo may use and how long it waits.</summary>
public sealed class ClusterOptions
{
    /// <summary>Threads for expansion, exact sums and noise. Default: cores - 1, at least 1; the rest answers.</summary>
    public int ScanThreads { get; set; } = Math.Max(1, Environment.ProcessorCount - 1);

    /// <summary>Pieces of such work that may wait before more is refused as busy. Default 256.</summary>
    public int ScanQueue { get; set; } = 256;

    /// <summary>Bytes of rows that may be on their way in before more is refused as busy; they take about twice that in memory. Default 256 MiB.</summary>
    public long IngestBytes { get; set; } = 256L << 20;

    /// <summary>Bytes of released nodes that are cached. Default 1 GiB.</summary>
    public long NodeCacheBytes { get; set; } = 1L << 30;

    /// <summary>Bytes of noised parts of distance-tree releases that are cached. Default 256 MiB.</summary>
    public long PartCacheBytes { get; set; } = 256L << 20;

    /// <summary>Bytes of exact sums that distance-tree shards of the silo hold, ready to be asked; the least recently used go first. Default 1 GiB.</summary>
    public long SumBytes { get; set; } = 1L << 30;

    /// <summary>
    /// Bytes of rows that per-query shards of the silo hold, ready for queries. Beyond it rows for such stores are refused, and queries whose shards cannot be
    /// loaded. Default 1 GiB.
    /// </summary>
    public long RowBytes { get; set; } = 1L << 30;

    /// <summary>For how long a per-query answer is kept for retries of its request, counted from the charge; then it is refused as expired. Default 7 days.</summary>
    public TimeSpan AnswerRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long a per-query request that is charged waits for shards that are loading. Default 1 min.</summary>
    public TimeSpan AnswerDeadline { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often unfinished jobs are looked for. Default 10 s.</summary>
    public TimeSpan JobInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often revocations are looked for; the bound of how long a revoked key works elsewhere. Default 1 s, at most 4 s: a silo that could not look for 5 s
    /// trusts nothing that it has cached.
    /// </summary>
    public TimeSpan GenerationPoll { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often leftovers are swept. Default 10 min.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How old something that no directory names must be to be swept. Default 1 h.</summary>
    public TimeSpan SweepAfter { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The deadline of one call between grains. Default 5 s.</summary>
    public TimeSpan CallDeadline { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Calls of gateways' clients that are worked on at once; more are refused as busy. Default 1024.</summary>
    public int GatewayCalls { get; set; } = 1024;

    /// <summary>Queries in one request, over whatever way it came; more are refused before anything is charged. Default 4096.</summary>
    public int MaxQueries { get; set; } = 4096;

    /// <summary>Shards that are asked at the same time. Default 16.</summary>
    public int FanOutWindow { get; set; } = 16;

    /// <summary>The issuer whose tokens are taken beside API keys. Default: none.</summary>
    public JwtOptions Jwt { get; } = new();

    /// <summary>Refuses settings that cannot work.</summary>
    /// <exception cref="ArgumentException">The message names the setting and its bound.</exception>
    public void Validate()
    {
        Require(ScanThreads is >= 1 and <= 1024, nameof(ScanThreads), "from 1 to 1024");
        Require(ScanQueue is >= 1 and <= 1 << 20, nameof(ScanQueue), "from 1 to 1048576");
        Require(IngestBytes >= 1 << 20, nameof(IngestBytes), "at least 1 MiB");
        Require(NodeCacheBytes >= 1 << 20, nameof(NodeCacheBytes), "at least 1 MiB");
        Require(PartCacheBytes >= 1 << 20, nameof(PartCacheBytes), "at least 1 MiB");
        Require(SumBytes >= 1 << 20, nameof(SumBytes), "at least 1 MiB");
        Require(RowBytes >= 1 << 20, nameof(RowBytes), "at least 1 MiB");
        Require(AnswerRetention >= TimeSpan.FromHours(1), nameof(AnswerRetention), "at least 1 h");
        Require(AnswerDeadline > TimeSpan.Zero, nameof(AnswerDeadline), "above 0");
        Require(JobInterval > TimeSpan.Zero, nameof(JobInterval), "above 0");
        Require(GenerationPoll > TimeSpan.Zero && GenerationPoll <= TimeSpan.FromSeconds(4), nameof(GenerationPoll), "above 0 and at most 4 s");
        Require(SweepInterval > TimeSpan.Zero, nameof(SweepInterval), "above 0");
        Require(SweepAfter >= TimeSpan.Zero, nameof(SweepAfter), "at least 0");
        Require(CallDeadline > TimeSpan.Zero, nameof(CallDeadline), "above 0");
        Require(GatewayCalls >= 1, nameof(GatewayCalls), "at least 1");
        Require(MaxQueries is >= 1 and <= 1 << 20, nameof(MaxQueries), "from 1 to 1048576");
        Require(FanOutWindow >= 1, nameof(FanOutWindow), "at least 1");
        if (!Jwt.IsOn)
            return;
        Require(Uri.TryCreate(Jwt.Authority, UriKind.Absolute, out var authority) && authority.Scheme == Uri.UriSchemeHttps, $"{nameof(Jwt)}.{nameof(Jwt.Authority)}", "an https address");
        Require(Jwt.Audience.Length > 0, $"{nameof(Jwt)}.{nameof(Jwt.Audience)}", "stated");
        Require(Jwt.SubjectClaim.Length > 0, $"{nameof(Jwt)}.{nameof(Jwt.SubjectClaim)}", "stated");
        Require(Jwt.RoleClaim.Length > 0, $"{nameof(Jwt)}.{nameof(Jwt.RoleClaim)}", "stated");
        string[] roles = [.. new[] { Jwt.OperatorRole, Jwt.OwnerRole, Jwt.UserRole }.Where(role => role.Length > 0)];
        Require(roles.Length > 0 && roles.Distinct(StringComparer.Ordinal).Count() == roles.Length, $"{nameof(Jwt)}'s roles", "different, and at least one of them stated");
    }

    private static void Require(bool holds, string setting, string bound)
    {
        if (!holds)
            throw new ArgumentException($"{setting} must be {bound}");
    }
}
