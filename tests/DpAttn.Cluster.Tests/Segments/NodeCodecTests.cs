using CsCheck;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Integers come back as they were, and nothing else is read as a node.</summary>
public class NodeCodecTests
{
    [Fact]
    public void Integers_come_back()
    {
        Gen.Select(Gen.Long.Array[0, 300], Gen.Long[0, long.MaxValue]).Sample((values, slots) =>
        {
            var bytes = NodeCodec.Encode(values, slots);
            Assert.Equal(NodeCodec.LengthOf(values.Length), bytes.Length);
            var (back, backSlots) = NodeCodec.Decode(bytes, values.Length);
            Assert.Equal(values, back);
            Assert.Equal(slots, backSlots);
        });
    }

    [Fact]
    public void Another_number_of_integers_than_belongs_there_is_refused()
    {
        var bytes = NodeCodec.Encode([1, 2, 3], 5);
        Assert.Contains("3 integers where 4 belong", Assert.Throws<StorageCorruptException>(() => NodeCodec.Decode(bytes, 4)).Message);
    }

    [Fact]
    public void Damaged_bytes_are_refused_or_differ_and_allocate_nothing_large()
    {
        Gen.Select(Gen.Long.Array[1, 100], Gen.Byte.Array[0, 100], Gen.Int[0, 10_000], Gen.Byte, Gen.Int[0, 3]).Sample((values, noise, place, flip, how) =>
        {
            var bytes = NodeCodec.Encode(values, 7);
            byte[] damaged = how switch
            {
                0 => noise,
                1 => [.. bytes.AsSpan(0, place % bytes.Length)],
                2 => [.. bytes, 0, .. noise],
                _ => [.. bytes.Select((x, i) => i == place % 24 ? (byte)(x ^ flip) : x)],
            };
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Assert.Equal(values.Length, NodeCodec.Decode(damaged, values.Length).Values.Length);
                Assert.Equal(3, how);
            }
            catch (StorageCorruptException)
            {
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        });
    }

    [Fact]
    public void Nodes_of_version_1_are_read_by_every_later_version()
    {
        long[] values = [0, 1, -1, long.MaxValue, long.MinValue, 0x0123456789abcdef];
        Golden.Require("node-1.bin", NodeCodec.Encode(values, 750));
        var (back, slots) = NodeCodec.Decode(Golden.Bytes("node-1.bin"), values.Length);
        Assert.Equal(values, back);
        Assert.Equal(750, slots);
    }
}
