namespace DpAttn.Cluster;

/// <summary>
/// How far a continual release has grown: part of its row in the catalog, so that freezing a block, closing one and erasing a row exclude one another by the row's version.
/// </summary>
internal sealed record ContinualState
{
    /// <summary>The blocks that are frozen: the first ones.</summary>
    public long FrozenBlocks { get; init; }

    /// <summary>Slots that count in them.</summary>
    public long FrozenSlots { get; init; }

    /// <summary>The segment that the next block begins in: every row before it stands in a frozen block.</summary>
    public long NextSegment { get; init; }

    /// <summary>The row of that segment that the next block begins with.</summary>
    public int NextRow { get; init; }

    /// <summary>Slots that count in the rows of that segment before it.</summary>
    public int SlotsTaken { get; init; }

    /// <summary>The blocks whose nodes are all stored: all that are frozen, or all but the last of them.</summary>
    public long ReleasedBlocks { get; init; }

    /// <summary>Slots that count in them.</summary>
    public long ReleasedSlots { get; init; }

    /// <summary>The closing of a block that the owner asked for, until it is frozen.</summary>
    public BlockClosing? Closing { get; init; }

    /// <summary>Whether all slots of the store are filled and released: nothing can come after.</summary>
    public bool IsFull { get; init; }

    /// <summary>Whether a row stands in a frozen block.</summary>
    public bool IsFrozen(long segment, int row) => segment < NextSegment || (segment == NextSegment && row < NextRow);
}

/// <summary>An owner's decision to close a block early.</summary>
/// <param name="Block">The block.</param>
/// <param name="Segments">It ends with the last row of the segments of lower ordinals.</param>
/// <param name="Slots">Slots that count in those, from the store's first on.</param>
internal sealed record BlockClosing(long Block, long Segments, long Slots);
