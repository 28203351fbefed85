using CsCheck;
using DpAttn.Attention;

namespace DpAttn.Cluster.Tests;

/// <summary>Which block slots have come to, against a list of blocks that is filled slot by slot; however far behind freezing is.</summary>
public class OpenSlotsTests
{
    private const int Capacity = 22;
    private static readonly MomentTreeParameters Tree = SchemaFactory.TreeParameters(SchemaFactory.Resolve(Continuals.Definition(Capacity)));

    [Fact]
    public void Slots_come_to_the_blocks_that_filling_one_by_one_puts_them_in()
    {
        // 0: freeze the next block; 1: close the open one; more: so many slots less one arrive.
        Gen.Int[0, 7].Array[1, 40].Sample(steps =>
        {
            var blocks = new List<int> { 0 };
            var closed = 0;
            var state = new ContinualState();
            var slots = 0L;
            foreach (var step in steps)
            {
                var open = OpenSlots.Of(Tree, state, slots);
                if (step == 0 && closed > state.FrozenBlocks)
                {
                    Assert.Equal(blocks[(int)state.FrozenBlocks], OpenSlots.NextBlock(Tree, state, slots));
                    state = Freeze(state, blocks[(int)state.FrozenBlocks]);
                    // Of a full store there is no open block.
                    if (slots < Capacity)
                        Assert.Equal(open, OpenSlots.Of(Tree, state, slots));
                }
                else if (step == 0)
                {
                    Assert.Equal(0, OpenSlots.NextBlock(Tree, state, slots));
                }
                else if (step == 1 && open.Slots > 0 && slots < Capacity && !(state.Closing is { } pending && pending.Slots > state.FrozenSlots))
                {
                    state = state with { Closing = new BlockClosing(open.Block, 0, slots) };
                    closed = blocks.Count;
                    blocks.Add(0);
                }
                else
                {
                    for (var i = 1; i < step && slots < Capacity && blocks.Count <= Tree.Tree.Leaves; i++)
                    {
                        _ = OpenSlots.Of(Tree, state, slots).Fill(Tree, 1);
                        blocks[^1]++;
                        slots++;
                        if (blocks[^1] < Continuals.BlockRows && slots < Capacity)
                            continue;
                        closed = blocks.Count;
                        blocks.Add(0);
                    }
                }
                var now = OpenSlots.Of(Tree, state, slots);
                Assert.Equal(closed, OpenSlots.ClosedBlocks(Tree, state, slots));
                if (slots < Capacity)
                    Assert.Equal((blocks.Count - 1, blocks[^1], slots - blocks[^1]), (now.Block, now.Slots, now.FirstSlot));
                if (blocks.Count > Tree.Tree.Leaves || slots == Capacity)
                    Assert.Throws<ArgumentException>(() => now.Fill(Tree, 1));
            }
        });
    }

    [Fact]
    public void Before_there_is_a_release_its_blocks_begin_with_the_first_slot() =>
        Assert.Equal(new OpenBlock(2, 8, 1), OpenSlots.Of(Tree, null, 9));

    private static ContinualState Freeze(ContinualState state, int slots) => state with
    {
        FrozenBlocks = state.FrozenBlocks + 1,
        FrozenSlots = state.FrozenSlots + slots,
        Closing = state.Closing is { } asked && asked.Slots > state.FrozenSlots + slots ? asked : null,
    };
}
