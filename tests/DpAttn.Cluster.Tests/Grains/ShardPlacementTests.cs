namespace DpAttn.Cluster.Tests;

/// <summary>Where shards go.</summary>
public class ShardPlacementTests
{
    private const string Store = "0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 4)]
    [InlineData(3, 16)]
    [InlineData(7, 256)]
    public void Shards_of_a_store_go_round_the_silos(int silos, int shards)
    {
        var loads = Enumerable.Range(0, shards).GroupBy(shard => ShardPlacementDirector.PlaceOf($"{Store}/{shard:D4}", silos)).Select(group => group.Count()).ToArray();
        Assert.InRange(loads.Length, Math.Min(silos, shards), silos);
        Assert.InRange(loads.Max() - loads.Min(), 0, 1);
    }

    [Fact]
    public void Stores_begin_at_different_silos_and_every_process_agrees()
    {
        var starts = Enumerable.Range(0, 300).Select(store => ShardPlacementDirector.PlaceOf($"{store:x32}/0000", 3)).ToArray();
        Assert.All(starts.GroupBy(start => start), group => Assert.InRange(group.Count(), 60, 140));
        // Written down: another number here is two silos that disagree while one replaces the other.
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 3).Select(shard => ShardPlacementDirector.PlaceOf($"{Store}/{shard:D4}", 5)));
    }
}
