namespace DpAttn.Cluster.Tests;

/// <summary>
/// How many nodes a page holds is stated by no release: it is how stored trees are read back, and how shards page their sums between silos. Another number would misread
/// every release of all levels that there is, so a change needs a field of the release that states it, and this test to hold for those without.
/// </summary>
public sealed class NodesPerPageTests : IAsyncDisposable
{
    private readonly Bench _bench = new();

    /// <summary>A page of 32 KiB: 4,096 integers, of 21 features times one column more than a value has, and never less than a node.</summary>
    [Theory]
    [InlineData(1, 97)]
    [InlineData(3, 48)]
    [InlineData(50, 3)]
    [InlineData(96, 2)]
    [InlineData(97, 1)]
    [InlineData(300, 1)]
    public async Task The_nodes_of_a_page_are_what_they_always_were(int valueDimension, int nodes)
    {
        var definition = Samples.Definition(capacity: 64) with { ValueDimension = valueDimension, Mechanism = new Contracts.MechanismDefinition(Levels: "all", BlockRows: 4) };
        var store = await _bench.MakeStoreAsync(definition);
        var model = (TreeModel)(await _bench.Side.Directory.ReadAsync(store))!.Model;
        Assert.Equal((21 * (valueDimension + 1), nodes), (model.Dimension, model.NodesPerPage));
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();
}
