using DpAttn.Attention;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing;

/// <summary>The blocks of a continual release of a fake: released as soon as they are closed.</summary>
internal sealed class FakeGrowth(MomentTreeParameters tree)
{
    private readonly List<long> _ends = [];
    private OpenBlock _open;

    public long Blocks => _ends.Count;

    /// <summary>The slots in closed blocks: rows before this one are never erased.</summary>
    public long Slots => _ends.Count == 0 ? 0 : _ends[^1];

    public bool IsFull => Blocks == tree.Tree.Leaves || Slots == tree.Moments.Schema.Capacity;

    /// <summary>Refuses slots that there is no room for.</summary>
    /// <exception cref="ArgumentException">More than are left.</exception>
    public void Require(long slots) => _ = _open.Fill(tree, slots);

    public void Append(long slots)
    {
        var (filled, next) = _open.Fill(tree, slots);
        foreach (var block in filled.Where(block => block.Closes))
            _ends.Add(Slots + block.Offset + block.Count);
        _open = next;
    }

    /// <summary>A row of the open block goes, and its slot with it.</summary>
    public void Erase() => _open = _open with { Slots = _open.Slots - 1 };

    /// <summary>Closes a block; one that is closed stays so.</summary>
    /// <exception cref="DpAttentionException">conflict: it is not open, or holds nothing.</exception>
    public void Close(long block)
    {
        if (block < Blocks)
            return;
        if (block > Blocks)
            throw FakeDpAttentionClient.Failure(ProblemCodes.Conflict, 409, $"block {block} is not open: slots go to block {Blocks} now");
        if (_open.Slots == 0)
            throw FakeDpAttentionClient.Failure(ProblemCodes.Conflict, 409, $"block {block} holds no slot; there is nothing to close");
        _ends.Add(Slots + _open.Slots);
        _open = _open.Close();
    }

    /// <summary>The slots of a range of blocks.</summary>
    public BlockRange SlotsOf(BlockRange blocks) => new(blocks.From == 0 ? 0 : _ends[(int)blocks.From - 1], _ends[(int)blocks.To - 1]);

    public ContinualDescription Describe() => new(Blocks, Blocks, _open.Slots, tree.BlockRows, tree.Tree.Leaves, IsFull);
}
