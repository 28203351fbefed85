namespace DpAttn.Cluster;

/// <summary>Some slots of one segment that lie in one block.</summary>
/// <param name="Block">The block.</param>
/// <param name="Segment">The segment, counted in the manifest.</param>
/// <param name="First">The first slot, counted in the segment.</param>
/// <param name="Count">How many.</param>
internal readonly record struct BlockPart(long Block, int Segment, int First, int Count);

/// <summary>
/// Which slots lie in which block of a release: a manifest's segments stand in slot order, the slots of each in the order of its rows, and blocks are filled in that order. All of it is
/// frozen with the manifest, so every process cuts the same blocks, and batches and shards do not matter to it.
/// </summary>
internal sealed class SlotMap
{
    private readonly ReleaseManifest _manifest;
    private readonly int _blockRows;

    // The first slot of each segment.
    private readonly long[] _starts;

    public SlotMap(ReleaseManifest manifest, int blockRows)
    {
        (_manifest, _blockRows, _starts) = (manifest, blockRows, new long[manifest.Segments.Count]);
        for (var i = 1; i < _starts.Length; i++)
            _starts[i] = _starts[i - 1] + manifest.Segments[i - 1].Slots;
    }

    /// <summary>The parts of the blocks [from, to), in slot order.</summary>
    public IEnumerable<BlockPart> Parts(long from, long to)
    {
        long first = from * _blockRows, end = to * _blockRows;
        var found = Array.BinarySearch(_starts, first);
        // The segment that begins there, or the one before.
        for (var segment = found >= 0 ? found : Math.Max(0, ~found - 1); segment < _starts.Length && _starts[segment] < end; segment++)
        {
            var last = Math.Min(end, _starts[segment] + _manifest.Segments[segment].Slots);
            for (var slot = Math.Max(first, _starts[segment]); slot < last;)
            {
                var block = slot / _blockRows;
                var count = (int)(Math.Min(last, (block + 1) * _blockRows) - slot);
                yield return new BlockPart(block, segment, (int)(slot - _starts[segment]), count);
                slot += count;
            }
        }
    }
}
