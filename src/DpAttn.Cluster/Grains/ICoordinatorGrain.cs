namespace DpAttn.Cluster;

/// <summary>
/// One release: publishes it, and adds the noise to its parts where they get it when they are asked for. Fans out, adds the shards' sums, adds the noise once. Keyed by incarnation/release.
/// </summary>
[Alias(WireNames.CoordinatorGrain)]
internal interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>Starts or resumes the publish, unless it is under way or done; does not wait for it.</summary>
    [Alias("Start")]
    Task StartAsync();

    /// <summary>How far it is, from 0 to 1.</summary>
    [Alias("Progress")]
    Task<double> GetProgressAsync();

    /// <summary>The noised integers of some parts, of all shards' rows, at a tier that the caller's account has opened.</summary>
    /// <exception cref="ProblemException">not_found, invalid_request, or what a shard failed with: then nothing is released.</exception>
    [Alias("ReadParts")]
    Task<PartSums> ReadPartsAsync(int tier, LongBlock parts, CancellationToken cancellationToken);
}
