namespace DpAttn.Cluster;

/// <summary>Where answers get the noised parts of a release's tier from.</summary>
internal interface INoisedParts
{
    /// <summary>The noised integers of each part: for each copy, dv + 1 columns.</summary>
    /// <param name="model">The store's mechanism.</param>
    /// <param name="release">The release.</param>
    /// <param name="tier">The tier, which the caller is entitled to.</param>
    /// <param name="parts">Different parts.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyDictionary<long, long[]>> ReadAsync(DistanceModel model, string release, int tier, IReadOnlyList<long> parts, CancellationToken cancellationToken);
}

/// <summary>How the exact integers of parts are reached: by whoever adds their noise, and by nobody else.</summary>
internal interface IShardParts
{
    /// <summary>The exact sums of a shard's rows, dv + 1 columns a part.</summary>
    Task<PartSums> ReadAsync(int shard, LongBlock parts, CancellationToken cancellationToken);
}
