using System.Buffers.Binary;
using System.Text;
using CsCheck;

namespace DpAttn.Privacy.Tests;

public class NoiseAddressTests
{
    private static readonly Gen<NoiseAddress> Addresses = Gen.Select(
        Gen.String, Gen.Int, Gen.Long, Gen.ULong,
        (mechanism, tier, node, variance) => new NoiseAddress(Valid(mechanism), tier, node, new NoiseVariance(Math.Max(1, variance))));

    /// <summary>What can be read back can not have been written by two addresses.</summary>
    [Fact]
    public void An_encoding_can_be_read_back() => Gen.Select(Addresses, Gen.Long).Sample((address, block) =>
    {
        var fields = Fields(address.Encode(block));
        return fields.Length == 7
            && Encoding.UTF8.GetString(fields[0]) == "dpattn noise address"
            && Int64(fields[1]) == KeyedNoise.SamplerVersion
            && Encoding.UTF8.GetString(fields[2]) == address.Mechanism
            && Int64(fields[3]) == address.Tier
            && Int64(fields[4]) == address.Node
            && Int64(fields[5]) == block
            && BinaryPrimitives.ReadUInt128BigEndian(fields[6]) == address.Variance.Value;
    }, iter: 10_000);

    [Fact]
    public void Addresses_whose_parts_run_together_differ_all_the_same()
    {
        NoiseVariance one = new(1), many = new(UInt128.One << 64);
        NoiseAddress[] close =
        [
            new("a", 1, 1, one), new("a1", 1, 1, one), new("a", 11, 1, one), new("a", 1, 11, one), new("", 1, 1, one), new("\0", 1, 1, one),
            new("a\0\0\0", 1, 1, one), new("a", 1, 1, many), new("a", 0, 1, one), new("a", -1, 1, one), new("a", 1, 1L << 32, one), new("a", 1, -1, one),
            new("\u00e9", 1, 1, one), new("e\u0301", 1, 1, one),
        ];
        var encodings = close.SelectMany(address => new[] { 0L, 1, 2, 1L << 32 }.Select(block => Convert.ToHexString(address.Encode(block)))).ToArray();
        Assert.Equal(encodings.Length, encodings.Distinct().Count());
    }

    /// <summary>Unpaired surrogates would all be encoded as one replacement character: two names, one stream of noise.</summary>
    [Fact]
    public void A_name_that_is_not_text_is_refused_rather_than_replaced()
    {
        foreach (var name in new[] { "\ud800", "\ud801", "a\udc00" })
            Assert.ThrowsAny<ArgumentException>(() => new NoiseAddress(name, 0, 1, new NoiseVariance(1)).Encode(0));
        Assert.ThrowsAny<ArgumentException>(() => new NoiseAddress(null!, 0, 1, new NoiseVariance(1)).Encode(0));
    }

    private static string Valid(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static long Int64(byte[] field) => BinaryPrimitives.ReadInt64BigEndian(field);

    private static byte[][] Fields(byte[] encoding)
    {
        List<byte[]> fields = [];
        for (var at = 0; at < encoding.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(encoding.AsSpan(at));
            fields.Add(encoding[(at + 4)..(at + 4 + length)]);
            at += 4 + length;
        }
        return [.. fields];
    }
}
