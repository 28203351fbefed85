namespace DpAttn.Attention.Tests;

/// <summary>Measures the memory of the whole process, so it runs alone.</summary>
[CollectionDefinition(nameof(StreamMemoryTests), DisableParallelization = true)]
[Collection(nameof(StreamMemoryTests))]
public class StreamMemoryTests
{
    /// <summary>A matrix of 1.7 MB and 64 blocks: 127 nodes would take 220 MB, a stream holds 7 levels and the node it hands on.</summary>
    [Fact]
    public void A_stream_holds_one_matrix_per_level_and_not_the_tree()
    {
        var tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(90, 50, 128), 2), 2);
        var rows = TestRows.Rows(tree.Moments.Schema, 128, 1);
        var bytes = tree.Moments.Dimension * sizeof(long);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        var count = 0;
        foreach (var node in MomentTreeSums.Of(tree, MomentTreeSums.Cut(tree, rows)))
        {
            if (count++ % 5 == 0 || node.Node < 4)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }
        Assert.Equal(127, count);
        // The strips of the last piece may not be collected yet.
        Assert.InRange(most, bytes, (tree.Tree.Levels + 1) * bytes + 12_000_000);
    }
}
