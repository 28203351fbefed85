namespace DpAttn.Attention.Tests;

/// <summary>How arriving slots come to blocks: in order, by public counts alone.</summary>
public class OpenBlockTests
{
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(2, 1, 100), 2), 8, isContinual: true);

    [Fact]
    public void Batches_of_any_size_fill_blocks_in_order_and_the_last_one_closes_with_the_store()
    {
        var random = new Random(1);
        for (var round = 0; round < 50; round++)
        {
            var open = default(OpenBlock);
            var all = new List<FilledSlots>();
            for (var left = 100; left > 0;)
            {
                var batch = random.Next(0, Math.Min(left, 30) + 1);
                var (filled, next) = open.Fill(Tree, batch);
                Assert.Equal(batch, filled.Sum(piece => piece.Count));
                all.AddRange(filled);
                (open, left) = (next, left - batch);
            }
            Assert.Equal(Enumerable.Range(0, 100).Select(slot => ((long)slot / 8, slot % 8)),
                all.SelectMany(piece => Enumerable.Range(piece.Offset, piece.Count).Select(offset => (piece.Block, offset))));
            Assert.Equal(Enumerable.Range(0, 13).Select(block => (long)block), all.Where(piece => piece.Closes).Select(piece => piece.Block));
            Assert.Equal(new OpenBlock(13, 100, 0), open);
            Refused("1 slots exceed what is left of the store: 0 (a capacity of 100, 100 of them used, and 16 blocks of 8)", () => open.Fill(Tree, 1));
        }
    }

    [Fact]
    public void A_block_that_is_closed_early_leaves_its_other_slots_empty_for_ever()
    {
        var (_, open) = default(OpenBlock).Fill(Tree, 11);
        Assert.Equal(new OpenBlock(1, 8, 3), open);
        var (filled, next) = open.Close().Fill(Tree, 9);
        Assert.Equal([new FilledSlots(2, 0, 8, true), new FilledSlots(3, 0, 1, false)], filled);
        Assert.Equal(new OpenBlock(3, 19, 1), next);
        var empty = Assert.Throws<InvalidOperationException>(() => open.Close().Close());
        Assert.Equal("block 2 holds no slot; there is nothing to close", empty.Message);
    }

    [Fact]
    public void Early_closings_use_up_blocks_and_what_does_not_fit_is_refused_whole()
    {
        var open = default(OpenBlock);
        for (var block = 0; block < 14; block++)
            open = open.Fill(Tree, 1).Next.Close();
        Refused("17 slots exceed what is left of the store: 16", () => open.Fill(Tree, 17));
        Assert.Equal(2, open.Fill(Tree, 16).Filled.Count);
        Refused("exceed what is left of the store: 0", () => open.Fill(Tree, 16).Next.Fill(Tree, 1));
        Refused("exceed what is left of the store: 100", () => default(OpenBlock).Fill(Tree, long.MaxValue));
        Refused("slots", () => open.Fill(Tree, -1));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
