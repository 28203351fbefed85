using System.Text;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace DpAttn.Cluster;

/// <summary>
/// Shards of a store go round the silos one after another. A request waits for the slowest of them, so no silo may have two more than another: random places would differ by several, and places by load would all be the same one,
/// since shards are activated together and load is told once a second. Every silo that sees the same members picks the same place, so calls that race make one activation.
/// </summary>
internal sealed class ShardPlacement : PlacementStrategy
{
    public static readonly ShardPlacement Instance = new();
}

/// <inheritdoc cref="ShardPlacement"/>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class SpreadShardsAttribute() : PlacementAttribute(ShardPlacement.Instance);

/// <inheritdoc cref="ShardPlacement"/>
internal sealed class ShardPlacementDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        Array.Sort(silos);
        return Task.FromResult(silos[PlaceOf(target.GrainIdentity.Key.ToString()!, silos.Length)]);
    }

    /// <summary>Which of some silos in order a shard belongs to: where its store begins, and as many on as its ordinal says.</summary>
    public static int PlaceOf(string shard, int silos)
    {
        var slash = shard.LastIndexOf('/');
        var ordinal = int.TryParse(shard.AsSpan(slash + 1), out var number) ? number : 0;
        // FNV-1a: it must be the same in every process, which string.GetHashCode is not.
        var start = 2166136261u;
        foreach (var letter in Encoding.ASCII.GetBytes(shard[..Math.Max(slash, 0)]))
            start = (start ^ letter) * 16777619u;
        return (int)((start + (ulong)ordinal) % (ulong)silos);
    }
}
