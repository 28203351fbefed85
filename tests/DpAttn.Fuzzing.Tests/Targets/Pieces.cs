using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace DpAttn.Fuzzing.Tests;

/// <summary>Valid pieces that seeds are made of, written byte by byte.</summary>
internal static class Pieces
{
    public static IReadOnlyList<string> NpyTokens { get; } =
        ["'descr': ", "'fortran_order': ", "'shape': ", "'<f4'", "'>f8'", "'<i8'", "'|b1'", "'|u1'", "[('a', '<f8')]", "True", "False", "(", ")", "(0,)", "(2, 3)", "(2147483647, 2147483647)", ",", "{", "}", "\n", "'", "\""];

    public static IReadOnlyList<string> JsonTokens { get; } =
        ["{", "}", "[", "]", ",", ":", "\"", "null", "true", "false", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\\u0000", "\\", "\ud83d\ude00", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"a\":", "//", "/*", "\u00ff", "1e999", "-", "1E+308", "\"\":0", " ", "\t", "\n", "\r\n"];

    /// <summary>A .npy file of version 1.0 or later.</summary>
    public static byte[] Npy(string descr, string shape, byte[] data, bool fortran = false, int major = 1)
    {
        var dictionary = $"{{'descr': '{descr}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': {shape}, }}";
        var preamble = major == 1 ? 10 : 12;
        var header = new byte[(preamble + dictionary.Length + 1 + 63) / 64 * 64];
        header.AsSpan().Fill((byte)' ');
        byte[] magic = [0x93, .. "NUMPY"u8, (byte)major, 0];
        magic.CopyTo(header, 0);
        if (major == 1)
            BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(header.Length - preamble));
        else
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), (uint)(header.Length - preamble));
        Encoding.ASCII.GetBytes(dictionary, header.AsSpan(preamble));
        header[^1] = (byte)'\n';
        return [.. header, .. data];
    }

    /// <summary>Finite little-endian numbers.</summary>
    public static byte[] Singles(int count) => Bytes(count, sizeof(float), i => BitConverter.GetBytes((i % 7 - 3) / 8f));

    /// <summary>Finite little-endian numbers.</summary>
    public static byte[] Doubles(int count) => Bytes(count, sizeof(double), i => BitConverter.GetBytes((i % 7 - 3) / 8.0));

    public static byte[] Keys { get; } = Npy("<f4", "(4, 3)", Singles(12));

    public static byte[] Values { get; } = Npy("<f8", "(4, 2)", Doubles(8));

    public static byte[] Marks { get; } = Npy("|b1", "(4,)", [0, 1, 0, 1]);

    /// <summary>An archive with right checksums.</summary>
    public static byte[] Zip(bool compress, params (string Name, byte[] Content)[] members)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in members)
            {
                using var member = archive.CreateEntry(name, compress ? CompressionLevel.Fastest : CompressionLevel.NoCompression).Open();
                member.Write(content);
            }
        }
        return stream.ToArray();
    }

    /// <summary>A .safetensors file.</summary>
    public static byte[] Safetensors(string header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, Encoding.UTF8.GetByteCount(header));
        return [.. length, .. Encoding.UTF8.GetBytes(header), .. data];
    }

    /// <summary>A multipart body.</summary>
    public static byte[] Multipart(string boundary, params (string Name, byte[] Content)[] parts)
    {
        using var stream = new MemoryStream();
        foreach (var (name, content) in parts)
        {
            stream.Write(Encoding.ASCII.GetBytes($"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}.npy\"\r\nContent-Type: application/octet-stream\r\n\r\n"));
            stream.Write(content);
            stream.Write("\r\n"u8);
        }
        stream.Write(Encoding.ASCII.GetBytes($"--{boundary}--\r\n"));
        return stream.ToArray();
    }

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Bytes(int count, int size, Func<int, byte[]> element)
    {
        var bytes = new byte[count * size];
        for (var i = 0; i < count; i++)
            element(i).CopyTo(bytes, i * size);
        return bytes;
    }
}
