namespace DpAttn.Attention.Tests;

public class MomentTreeSumsTests
{
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(4, 3, 400, 0.8), 3), 16);
    private static readonly RowSet Rows = TestRows.Rows(Tree.Moments.Schema, 333, 4);

    [Fact]
    public void A_node_has_the_sums_of_exactly_its_rows_and_a_parent_comes_after_its_children()
    {
        var nodes = Whole();
        var seen = new HashSet<long>();
        foreach (var node in nodes)
        {
            var (from, to) = Tree.Tree.LeavesOf(node.Node);
            int start = (int)from * 16, end = (int)Math.Min(to * 16, Rows.Count);
            Assert.Equal(MomentAccumulator.Sum(Tree.Moments, Rows.Slice(start, end - start)).Sums, node.Sums.Sums);
            Assert.Equal(end - start, node.Sums.Slots);
            Assert.DoesNotContain(node.Node / 2, seen);
            Assert.True(seen.Add(node.Node));
        }
        // 333 slots: 21 of 32 blocks.
        var extent = Tree.ExtentOf(Rows.Count);
        Assert.Equal(Enumerable.Range(1, 63).Select(n => (long)n).Where(node => Tree.IsReleased(node, extent)), seen.Order());
        Assert.Equal(1, nodes[^1].Node);
    }

    /// <summary>Whole subtrees, single blocks, parts of blocks, dealt to shards in any way: merged, the same nodes in the same order with the same bits.</summary>
    [Fact]
    public void Sums_are_bit_equal_for_any_sharding()
    {
        var whole = Whole();
        var random = new Random(5);
        for (var round = 0; round < 30; round++)
        {
            var shards = 1 + random.Next(6);
            var pieceRows = random.Next(1, 40);
            var dealt = Enumerable.Range(0, shards).Select(_ => new List<BlockPiece>()).ToArray();
            for (var start = 0; start < Rows.Count; start += pieceRows)
            {
                var piece = Rows.Slice(start, Math.Min(pieceRows, Rows.Count - start));
                // A whole subtree a shard in the first rounds, at random in the others.
                var shard = round < 5 ? start * shards / Rows.Count : random.Next(shards);
                dealt[shard].AddRange(MomentTreeSums.Cut(Tree, piece, start));
            }
            var parts = dealt.Where(pieces => pieces.Count > 0).Select(pieces => MomentTreeSums.Of(Tree, pieces, threads: 1 + random.Next(2))).ToArray();
            var merged = MomentTreeSums.Merge(Tree, parts).ToArray();
            Assert.Equal(whole.Select(node => node.Node), merged.Select(node => node.Node));
            Assert.All(whole.Zip(merged), pair =>
            {
                Assert.Equal(pair.First.Sums.Sums, pair.Second.Sums.Sums);
                Assert.Equal(pair.First.Sums.Slots, pair.Second.Sums.Slots);
            });
        }
    }

    [Fact]
    public void Leaves_that_were_kept_give_the_nodes_above_them_again()
    {
        var whole = Whole();
        var leaves = whole.Where(node => Tree.Tree.LevelOf(node.Node) == Tree.Tree.Depth).OrderBy(node => node.Node);
        Assert.Equal(whole.Select(node => (node.Node, string.Join(' ', node.Sums.Sums))), MomentTreeSums.Over(Tree, leaves).Select(node => (node.Node, string.Join(' ', node.Sums.Sums))));
    }

    [Fact]
    public void Streams_out_of_order_and_blocks_too_full_are_refused()
    {
        BlockPiece Piece(long block, int rows) => new(block, Rows.Slice(0, rows));
        Refused("leaves from left to right", () => MomentTreeSums.Of(Tree, [Piece(3, 2), Piece(2, 2)]));
        Refused("at least one leaf", () => MomentTreeSums.Of(Tree, []));
        Refused("leaves are numbered from 0 to 31", () => MomentTreeSums.Of(Tree, [Piece(32, 1)]));
        Refused("blocks [4, 5) would hold more than 16 slots each", () => MomentTreeSums.Of(Tree, [Piece(4, 17)]));
        Refused("blocks [4, 5) would hold more than 16 slots each", () => MomentTreeSums.Of(Tree, [Piece(4, 16), Piece(4, 1)]));
        Refused("leaves from left to right", () => MomentTreeSums.Over(Tree, [new MomentNode(5, MomentMatrix.Empty(Tree.Moments))]));
        Refused("different parameters", () => MomentTreeSums.Over(Tree, [new MomentNode(32, MomentMatrix.Empty(MomentParameters.Create(Tree.Moments.Schema, 2)))]));
        MomentNode[] backwards = [.. MomentTreeSums.Of(Tree, [Piece(0, 3)]).Reverse()];
        Refused("a stream to merge is in post-order", () => MomentTreeSums.Merge(Tree, [backwards]));
        Refused("would hold more than 16 slots each", () => MomentTreeSums.Merge(Tree, [MomentTreeSums.Of(Tree, [Piece(7, 9)]), MomentTreeSums.Of(Tree, [Piece(7, 8)])]));
        // The capacity is 400, less than the 512 slots of the 32 blocks.
        Refused("exceed the store's capacity of 400", () => MomentTreeSums.Of(Tree, Enumerable.Range(0, 32).Select(block => Piece(block, 16))));
        Assert.Throws<RowRejectedException>(() => MomentTreeSums.Of(Tree, [new BlockPiece(0, TestRows.OneRow([9, 0, 0, 0], [0, 0, 0]))]).Count());
        Assert.Throws<ArgumentNullException>(() => MomentTreeSums.Of(null!, []));
        Assert.Throws<ArgumentNullException>(() => MomentTreeSums.Of(Tree, null!));
        Assert.Throws<ArgumentNullException>(() => MomentTreeSums.Over(Tree, null!));
        Assert.Throws<ArgumentNullException>(() => MomentTreeSums.Merge(Tree, null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => MomentTreeSums.Cut(Tree, Rows, -1));
    }

    private static MomentNode[] Whole() => [.. MomentTreeSums.Of(Tree, MomentTreeSums.Cut(Tree, Rows))];

    private static void Refused(string message, Func<IEnumerable<MomentNode>> stream) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(() => stream().Count()).Message);
}
