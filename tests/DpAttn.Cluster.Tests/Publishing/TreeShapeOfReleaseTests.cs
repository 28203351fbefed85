using CsCheck;
using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>Which slots lie in which block, which node is complete when, and where it is stored: the same for every process, from the manifest alone.</summary>
public class TreeShapeOfReleaseTests
{
    [Fact]
    public void Blocks_are_filled_in_slot_order_whatever_the_segments() => Gen.Select(Gen.Int[0, 40].Array[1, 12], Gen.Int[0, 5], Gen.Int[0, 200], Gen.Int[0, 200]).Sample((sizes, power, a, b) =>
    {
        var blockRows = 1 << power;
        var map = new SlotMap(Manifest(sizes), blockRows);
        long slots = sizes.Sum(), from = Math.Min(a, b) / blockRows, to = Math.Max(a, b) / blockRows + 1;
        // Slot by slot.
        var expected = new List<(long Block, int Segment, int Slot)>();
        var slot = 0L;
        for (var segment = 0; segment < sizes.Length; segment++)
        {
            for (var i = 0; i < sizes[segment]; i++, slot++)
            {
                if (slot / blockRows >= from && slot / blockRows < to)
                    expected.Add((slot / blockRows, segment, i));
            }
        }
        var parts = map.Parts(from, to).ToArray();
        Assert.Equal(expected, parts.SelectMany(part => Enumerable.Range(part.First, part.Count).Select(i => (part.Block, part.Segment, i))));
        Assert.All(parts, part => Assert.InRange(part.Count, 1, blockRows));
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(16)]
    public void Nodes_climb_as_in_the_library_and_each_is_stored_where_it_is_looked_for(int blocks)
    {
        var model = (TreeModel)Moments.ModelOf(Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: 8), Capacity = 128 });
        var rows = Samples.Rows(8 * blocks - 3, 5).ToRows();
        var climb = new NodeClimb(model.Tree, blocks);
        var climbed = new List<(long Node, long Slots, long[] Sums)>();
        foreach (var piece in MomentTreeSums.Cut(model.Tree, rows))
        {
            foreach (var node in climb.Push(MomentAccumulator.Sum(model.Moments, piece.Rows)))
                climbed.Add((node.Node, node.Sums.Slots, [.. node.Sums.Sums]));
        }
        var expected = MomentTreeSums.Of(model.Tree, MomentTreeSums.Cut(model.Tree, rows)).Select(node => (node.Node, node.Sums.Slots, node.Sums.Sums.ToArray())).ToArray();
        Assert.Equal(expected.Select(node => node.Node), climbed.Select(node => node.Node));
        Assert.Equal(expected.Select(node => node.Slots), climbed.Select(node => node.Slots));
        Assert.Equal(expected.Select(node => node.Item3), climbed.Select(node => node.Sums));
        Assert.Equal(expected.Length, model.NodeCount(blocks));
        Assert.Equal(Enumerable.Range(0, expected.Length).Select(i => (long)i), expected.Select(node => model.IndexOf(node.Node, blocks)));
        Assert.Equal(expected.Select(node => node.Slots), expected.Select(node => model.SlotsOf(node.Node, rows.Count)));
        Assert.Throws<InvalidOperationException>(() => climb.Push(MomentMatrix.Empty(model.Moments)));
    }

    private static ReleaseManifest Manifest(int[] sizes) => new()
    {
        Salt = "",
        Incarnation = "",
        Release = "r000001",
        Definition = Samples.Definition(),
        Ladder = [1],
        SamplerVersion = 1,
        Slots = sizes.Sum(),
        Segments = [.. sizes.Select((slots, i) => new ManifestSegment($"b-{i}", i % 3, slots, ""))],
    };
}
