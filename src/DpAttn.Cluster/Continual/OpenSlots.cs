using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>Which block the slots of a continual store have come to: a function of public counts alone.</summary>
internal static class OpenSlots
{
    /// <summary>The block that the next slot goes to. What is frozen meanwhile does not change it.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="state">How far the release has grown; null before there is one: then its blocks will begin with the first slot.</param>
    /// <param name="slots">Committed slots that count.</param>
    public static OpenBlock Of(MomentTreeParameters tree, ContinualState? state, long slots)
    {
        var (block, filled) = (state?.FrozenBlocks ?? 0, state?.FrozenSlots ?? 0);
        if (state?.Closing is { } closing && closing.Slots > filled)
            (block, filled) = (block + BlocksOf(tree, closing.Slots - filled), closing.Slots);
        var rest = slots - filled;
        var open = (int)(rest % tree.BlockRows);
        return new OpenBlock(block + rest / tree.BlockRows, slots - open, open);
    }

    /// <summary>The blocks that are closed: all before the open one, and that one too where the store is full.</summary>
    public static long ClosedBlocks(MomentTreeParameters tree, ContinualState state, long slots)
    {
        var open = Of(tree, state, slots);
        return open.Slots > 0 && IsFull(tree, slots) ? open.Block + 1 : open.Block;
    }

    /// <summary>The slots of the next block to freeze; 0 while it is open.</summary>
    public static int NextBlock(MomentTreeParameters tree, ContinualState state, long slots)
    {
        var pending = slots - state.FrozenSlots;
        if (state.Closing is { } closing && closing.Slots > state.FrozenSlots)
            return (int)Math.Min(tree.BlockRows, closing.Slots - state.FrozenSlots);
        if (pending >= tree.BlockRows)
            return tree.BlockRows;
        return IsFull(tree, slots) ? (int)Math.Max(0, pending) : 0;
    }

    private static bool IsFull(MomentTreeParameters tree, long slots) => slots >= tree.Moments.Schema.Capacity;

    private static long BlocksOf(MomentTreeParameters tree, long slots) => (slots - 1) / tree.BlockRows + 1;
}
