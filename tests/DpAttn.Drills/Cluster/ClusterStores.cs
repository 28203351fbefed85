using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>The stores of the drill of a cluster.</summary>
/// <param name="Rows">A moment tree of many rows, one release, which all have opened.</param>
/// <param name="Distances">A distance-tree, one release, which all have opened: its noise is drawn anew wherever it is not cached.</param>
/// <param name="Opening">A moment tree that is appended to and published all the while, and opened tier by tier.</param>
/// <param name="PerQuery">Answers one by one, each charged.</param>
internal sealed record ClusterStores(LoadStore Rows, LoadStore Distances, LoadStore Opening, LoadStore PerQuery)
{
    public IEnumerable<LoadStore> All => [Rows, Distances, Opening, PerQuery];
}
