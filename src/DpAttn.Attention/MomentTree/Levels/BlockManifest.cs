using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// What a block of a continual store holds, frozen when it closes and before any noise of a node above it is drawn. Whoever keeps it inserts it if absent: the first
/// manifest of a block is the only one, and rows that come later belong to later blocks.
/// </summary>
public sealed class BlockManifest
{
    private readonly byte[] _rows;

    /// <summary>A closed block.</summary>
    /// <param name="block">The block, counted from 0.</param>
    /// <param name="firstSlot">The slots of the blocks before it: the slot of its first row, counted over slots that were filled.</param>
    /// <param name="slots">Its slots, null ones included; fewer than a block has where the owner closed it early.</param>
    /// <param name="rows">
    /// SHA-256 over what was frozen of exactly its rows in slot order, such as its segments' digests. Salted with secret bytes if it is ever shown: without them it is
    /// a number that depends on rows.
    /// </param>
    /// <exception cref="ArgumentException">A negative number, no slots, or a digest that is not 32 bytes long.</exception>
    public BlockManifest(long block, long firstSlot, int slots, ReadOnlySpan<byte> rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        ArgumentOutOfRangeException.ThrowIfNegative(firstSlot);
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        if (rows.Length != ReleaseKey.Bytes)
            throw new ArgumentException($"a digest of rows has {ReleaseKey.Bytes} bytes, not {rows.Length}", nameof(rows));
        (Block, FirstSlot, Slots, _rows) = (block, firstSlot, slots, rows.ToArray());
    }

    /// <summary>The block, counted from 0.</summary>
    public long Block { get; }

    /// <summary>The slots before it.</summary>
    public long FirstSlot { get; }

    /// <summary>Its slots: a public count.</summary>
    public int Slots { get; }

    /// <summary>The digest of its frozen rows.</summary>
    public ReadOnlySpan<byte> Rows => _rows;

    /// <summary>Whether another manifest freezes the same.</summary>
    public bool IsSame(BlockManifest other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Block, FirstSlot, Slots) == (other.Block, other.FirstSlot, other.Slots) && Rows.SequenceEqual(other.Rows);
    }
}
