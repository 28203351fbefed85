using CsCheck;
using DpAttn.Attention.IO;

namespace DpAttn.Attention.Tests;

/// <summary>Whatever bytes come, a reader answers with an array or with <see cref="NpyFormatException"/>, and never allocates far beyond its cap.</summary>
public class NpyFuzzTests
{
    private static readonly NpyLimits Limits = new() { DataBytes = 1 << 20, Members = 8 };

    private static readonly byte[][] Seeds =
    [
        NpyFiles.Make("<f8", "(2, 3)", new byte[48]),
        NpyFiles.Make(">f4", "(5,)", new byte[20], fortran: true),
        NpyFiles.Make("<i8", "(4,)", new byte[32], major: 2),
        NpyFiles.Make("|u1", "(300, 1)", new byte[300], major: 3),
    ];

    private static readonly byte[][] Archives = [Archive(compress: false), Archive(compress: true)];

    /// <summary>A file with bytes replaced, a piece cut out, a piece doubled, or its end cut off.</summary>
    private static Gen<byte[]> Damaged(byte[][] seeds) =>
        Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Select(Gen.Double[0, 1], Gen.Byte, Gen.Int[0, 4], Gen.Int[1, 12]).Array[1, 3]).Select((seed, faults) =>
        {
            var bytes = seeds[seed].ToList();
            foreach (var (place, value, kind, length) in faults)
            {
                if (bytes.Count == 0)
                    break;
                var at = (int)(place * (bytes.Count - 1) * 0.999);
                var count = Math.Min(length, bytes.Count - at);
                switch (kind)
                {
                    case 0:
                        bytes.RemoveRange(at, count);
                        break;
                    case 1:
                        bytes.InsertRange(at, bytes.GetRange(at, count));
                        break;
                    case 2:
                        bytes[at] = (byte)"(){},:'<>|0123456789fiubOTrueFalse \n"[value % 36];
                        break;
                    case 3:
                        bytes[at] = value;
                        break;
                    default:
                        bytes.RemoveRange(bytes.Count - count, count);
                        break;
                }
            }
            return bytes.ToArray();
        });

    [Fact]
    public void Garbage_is_refused() => Gen.Byte.Array[0, 300].Sample(bytes => Survives(bytes), iter: 2000);

    [Fact]
    public void Garbage_behind_a_good_magic_is_refused() => Gen.Byte.Array[0, 300].Sample(
        bytes => Survives([0x93, .. "NUMPY"u8, 1, 0, (byte)(bytes.Length / 2), 0, .. bytes]), iter: 2000);

    [Fact]
    public void Damaged_arrays_are_read_or_refused() => Damaged(Seeds).Sample(bytes => Survives(bytes), iter: 100_000);

    [Fact]
    public void Damaged_archives_are_read_or_refused() => Damaged(Archives).Sample(
        bytes => Survives(() => Npz.Read(new MemoryStream(bytes), "x.npz", Limits)), iter: 50_000);

    /// <summary>Without this, fuzzing that never gets past the first check would pass too.</summary>
    [Fact]
    public void Some_damaged_arrays_are_still_read()
    {
        var read = 0;
        Damaged(Seeds).Sample(bytes =>
        {
            try
            {
                Npy.ReadLabels(new MemoryStream(bytes), "x", Limits);
                Interlocked.Increment(ref read);
            }
            catch (NpyFormatException)
            {
            }
        }, iter: 40_000);
        // About one in seventy.
        Assert.True(read > 100, $"only {read} were read");
    }

    private static void Survives(byte[] bytes)
    {
        Survives(() => Npy.ReadMatrix(new MemoryStream(bytes), "x", Limits));
        Survives(() => Npy.ReadMatrix(new OneWayStream(bytes, 13), "x", Limits));
        Survives(() => Npy.ReadLabels(new MemoryStream(bytes), "x", Limits));
    }

    private static void Survives(Action read)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            read();
        }
        catch (NpyFormatException)
        {
        }
        // The data, its growing or its transposition, and labels of four bytes for one: a small multiple of the cap.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 6 * Limits.DataBytes + (1 << 20));
    }

    private static byte[] Archive(bool compress)
    {
        using var stream = new MemoryStream();
        Npz.Write(stream, [new("keys", new FloatMatrix(new Matrix<float>(3, 2))), new("values", new FloatMatrix(new Matrix<double>(3, 1)))], compress);
        return stream.ToArray();
    }
}
