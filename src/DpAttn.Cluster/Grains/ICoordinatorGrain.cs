namespace DpAttn.Cluster;

/// <summary>One publish: fans out, adds the shards' sums, adds the noise once, persists. Keyed by incarnation/release.</summary>
[Alias(WireNames.CoordinatorGrain)]
internal interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>Starts or resumes the publish, unless it is under way or done; does not wait for it.</summary>
    [Alias("Start")]
    Task StartAsync();

    /// <summary>How far it is, from 0 to 1.</summary>
    [Alias("Progress")]
    Task<double> GetProgressAsync();
}
