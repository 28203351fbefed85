using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace DpAttn.Fuzzing.Tests;

/// <summary>
/// Makes a case from valid seeds: faults of media (bits, pieces lost or doubled, ends cut off), attacks on fields (lengths and counts that are huge, negative or
/// wrap around, in either byte order and as text), tokens of the format where they do not belong, two seeds spliced, and plain noise.
/// </summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds, IReadOnlyList<byte[]> tokens)
{
    private const int LongestNoise = 400;

    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 1 << 20, (1UL << 24) + 1, int.MaxValue - 7, int.MaxValue, 1UL << 31, uint.MaxValue - 3, uint.MaxValue,
        1UL << 32, 1UL << 61, (1UL << 61) + 1, (1UL << 62) - 1, 1UL << 62, long.MaxValue - 7, long.MaxValue, 1UL << 63, ulong.MaxValue - 7, ulong.MaxValue,
    ];

    private static readonly string[] Texts =
    [
        "-1", "0", "1", "-0", "00", "2147483647", "2147483648", "4294967296", "-2147483649", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e3", "1e308", "1e999", "-1e999",
        "1e-999", "0.5", "5e-324", "NaN", "Infinity", "null", "true", "false", "\"\"", "[]", "{}", "1_000", "0x10", "٣", "1" + "000000000000000000000000000000000000000000000000000000000000",
    ];

    /// <summary>The bytes of a case.</summary>
    public byte[] Make(FuzzRandom random)
    {
        var kind = random.Below(100);
        if (kind < 2)
            return random.Of(seeds); // as it is: it must be read
        if (kind < 4)
            return random.Bytes(random.Below(LongestNoise));
        if (kind < 7)
        {
            var seed = random.Of(seeds);
            return [.. seed[..Math.Min(seed.Length, 1 + random.Below(16))], .. random.Bytes(random.Below(LongestNoise))];
        }
        if (kind < 10)
        {
            byte[] first = random.Of(seeds), second = random.Of(seeds);
            return [.. first[..random.Below(first.Length + 1)], .. second[random.Below(second.Length + 1)..]];
        }
        var bytes = new List<byte>(random.Of(seeds));
        for (var faults = 1 + random.Below(4); faults > 0; faults--)
            Damage(bytes, random);
        return [.. bytes];
    }

    private void Damage(List<byte> bytes, FuzzRandom random)
    {
        if (bytes.Count == 0)
        {
            bytes.AddRange(random.Bytes(1 + random.Below(16)));
            return;
        }
        var at = Place(bytes.Count, random);
        var count = Math.Min(1 + random.Below(random.OneIn(8) ? 200 : 12), bytes.Count - at);
        switch (random.Below(12))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Below(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next();
                break;
            case 2 or 3:
                WriteNumber(bytes, at, random);
                break;
            case 4:
                bytes.RemoveRange(at, count);
                break;
            case 5:
                bytes.InsertRange(at, bytes.GetRange(at, count));
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 7:
                bytes.InsertRange(at, random.Bytes(count));
                break;
            case 8 when tokens.Count > 0:
                bytes.InsertRange(at, random.Of(tokens));
                break;
            case 9 when tokens.Count > 0:
                bytes.RemoveRange(at, count);
                bytes.InsertRange(at, random.Of(tokens));
                break;
            case 10:
                ReplaceText(bytes, at, random);
                break;
            default:
                Move(bytes, at, count, random);
                break;
        }
    }

    /// <summary>Half of all faults hit the first or the last bytes, where headers and directories stand.</summary>
    private static int Place(int length, FuzzRandom random) => random.Below(4) switch
    {
        0 => random.Below(Math.Min(length, 64)),
        1 => length - 1 - random.Below(Math.Min(length, 64)),
        _ => random.Below(length),
    };

    private static void WriteNumber(List<byte> bytes, int at, FuzzRandom random)
    {
        Span<byte> field = stackalloc byte[8];
        var number = random.OneIn(4) ? random.Next() >> random.Below(64) : random.Of(Numbers);
        var width = 1 << random.Below(4);
        if (random.OneIn(4))
            BinaryPrimitives.WriteUInt64BigEndian(field, number << (64 - 8 * width));
        else
            BinaryPrimitives.WriteUInt64LittleEndian(field, number);
        // Fields mostly stand at multiples of their size.
        at = random.OneIn(3) ? at : at / width * width;
        for (var i = 0; i < width && at + i < bytes.Count; i++)
            bytes[at + i] = field[i];
    }

    /// <summary>Another number in the place of the next one that is written in digits.</summary>
    private static void ReplaceText(List<byte> bytes, int at, FuzzRandom random)
    {
        var start = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
        if (start < 0)
            return;
        var end = bytes.FindIndex(start, b => b is not ((>= (byte)'0' and <= (byte)'9') or (byte)'.' or (byte)'e' or (byte)'E' or (byte)'-' or (byte)'+'));
        bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
        var text = random.OneIn(3) ? random.Of(Numbers).ToString(CultureInfo.InvariantCulture) : random.Of(Texts);
        bytes.InsertRange(start, Encoding.UTF8.GetBytes(text));
    }

    private static void Move(List<byte> bytes, int at, int count, FuzzRandom random)
    {
        var piece = bytes.GetRange(at, count);
        bytes.RemoveRange(at, count);
        bytes.InsertRange(random.Below(bytes.Count + 1), piece);
    }
}
