namespace DpAttn.Cluster;

/// <summary>What a run of a continual release's growth ended with.</summary>
internal enum GrowthOutcome
{
    /// <summary>All blocks that are closed are released.</summary>
    UpToDate,

    /// <summary>It is full, retired, stopped or deleted: there is nothing to do any more.</summary>
    Settled,

    /// <summary>It can grow no further; the release says why.</summary>
    Failed,
}
