using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace DpAttn.Cluster.Tests;

/// <summary>Blocks of integers cross the wire as bytes.</summary>
public sealed class LongBlockCodecTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddSerializer(builder => builder.AddAssembly(typeof(LongBlock).Assembly)).BuildServiceProvider();

    [Fact]
    public void Integers_come_back()
    {
        var serializer = _services.GetRequiredService<Serializer>();
        Gen.Long.Array[0, 500].Sample(values =>
        {
            var back = serializer.Deserialize<LongBlock>(serializer.SerializeToArray(new LongBlock(values)))!;
            Assert.Equal(values, back.Values);
        });
    }

    [Fact]
    public void The_largest_block_takes_little_more_than_its_integers()
    {
        var serializer = _services.GetRequiredService<Serializer>();
        var values = Enumerable.Range(0, LongBlock.MostValues).Select(i => (long)i * i * -7).ToArray();
        var bytes = serializer.SerializeToArray(new LongBlock(values));
        Assert.InRange(bytes.Length, values.Length * sizeof(long), values.Length * sizeof(long) + 64);
        Assert.Equal(values, serializer.Deserialize<LongBlock>(bytes)!.Values);
    }

    [Fact]
    public void A_block_that_is_too_large_for_a_message_cannot_be_made() =>
        Assert.Throws<ArgumentException>(() => new LongBlock(new long[LongBlock.MostValues + 1]));

    [Fact]
    public void The_same_block_twice_is_the_same_block_after_the_wire()
    {
        var serializer = _services.GetRequiredService<Serializer>();
        var block = new LongBlock([1, 2, 3]);
        var back = serializer.Deserialize<LongBlock?[]>(serializer.SerializeToArray<LongBlock?[]>([block, null, block]))!;
        Assert.Equal([1, 2, 3], back[0]!.Values);
        Assert.Null(back[1]);
        Assert.Same(back[0], back[2]);
    }

    [Fact]
    public void A_local_copy_shares_the_integers()
    {
        var block = new LongBlock([1, 2, 3]);
        Assert.Same(block.Values, _services.GetRequiredService<DeepCopier>().Copy(block).Values);
    }

    /// <summary>Whatever arrives is a block or an error, and a claimed length is not believed.</summary>
    [Fact]
    public void Damaged_bytes_end_in_an_error_and_allocate_nothing_large()
    {
        var serializer = _services.GetRequiredService<Serializer>();
        Gen.Select(Gen.Long.Array[0, 40], Gen.Int[0, 10_000], Gen.Byte, Gen.Bool).Sample((values, place, flip, cuts) =>
        {
            var bytes = serializer.SerializeToArray(new LongBlock(values));
            if (cuts)
                bytes = bytes[..(place % bytes.Length)];
            else
                bytes[place % bytes.Length] ^= flip;
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                _ = serializer.Deserialize<LongBlock>(bytes);
            }
            catch (Exception e) when (e is not (OutOfMemoryException or NullReferenceException or AccessViolationException))
            {
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        });
    }

    public void Dispose() => _services.Dispose();
}
