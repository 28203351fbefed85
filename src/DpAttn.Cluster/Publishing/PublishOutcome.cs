namespace DpAttn.Cluster;

/// <summary>What a publish ended with.</summary>
internal enum PublishOutcome
{
    /// <summary>This run published.</summary>
    Published,

    /// <summary>It was published, retired, failed or deleted by another; this run's result, if any, was discarded.</summary>
    Settled,

    /// <summary>It can never be published; the release says why.</summary>
    Failed,
}
