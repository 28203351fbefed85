namespace DpAttn.Attention;

/// <summary>The block that rows of a continual store go to at the moment.</summary>
/// <param name="Block">The block, counted from 0.</param>
/// <param name="FirstSlot">The slots in the closed blocks before it.</param>
/// <param name="Slots">The slots that are filled in it.</param>
public readonly record struct OpenBlock(long Block, long FirstSlot, int Slots)
{
    /// <summary>
    /// Puts slots, null ones included, into blocks in their order. A block closes when its last slot is filled, or the store's.
    /// </summary>
    /// <param name="tree">The tree.</param>
    /// <param name="slots">How many slots arrive.</param>
    /// <returns>Slots per block, and the block that later ones go to.</returns>
    /// <exception cref="ArgumentException">More than the capacity or the blocks hold: nothing is to be taken then.</exception>
    public (IReadOnlyList<FilledSlots> Filled, OpenBlock Next) Fill(MomentTreeParameters tree, long slots)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentOutOfRangeException.ThrowIfNegative(slots);
        long capacity = tree.Moments.Schema.Capacity, used = FirstSlot + Slots;
        var room = Int128.Min(capacity - used, (Int128)(tree.Tree.Leaves - Block) * tree.BlockRows - Slots);
        if (slots > room)
            throw new ArgumentException($"{slots} slots exceed what is left of the store: {Int128.Max(room, 0)} (a capacity of {capacity}, {used} of them used, and {tree.Tree.Leaves} blocks of {tree.BlockRows})", nameof(slots));
        var filled = new List<FilledSlots>();
        var open = this;
        for (var left = slots; left > 0;)
        {
            var count = (int)Math.Min(left, tree.BlockRows - open.Slots);
            left -= count;
            var after = open with { Slots = open.Slots + count };
            var closes = after.Slots == tree.BlockRows || after.FirstSlot + after.Slots == capacity;
            filled.Add(new FilledSlots(open.Block, open.Slots, count, closes));
            open = closes ? after.Close() : after;
        }
        return (filled, open);
    }

    /// <summary>The block after this one, which the owner closes early by a public decision: its other slots stay empty for ever.</summary>
    /// <exception cref="InvalidOperationException">It holds no slot: there is nothing to close.</exception>
    public OpenBlock Close() => Slots > 0
        ? new OpenBlock(Block + 1, FirstSlot + Slots, 0)
        : throw new InvalidOperationException($"block {Block} holds no slot; there is nothing to close");
}
