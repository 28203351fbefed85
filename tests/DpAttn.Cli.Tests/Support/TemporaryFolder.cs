using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace DpAttn.Cli.Tests;

/// <summary>A folder for one test's .npy files, which are written byte by byte so that they can also be wrong.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("dpattn-cli-").FullName;

    public string PathOf(string name) => Path.Combine(_path, name);

    /// <summary>A float32 matrix of one row per array.</summary>
    public string Matrix(string name, params float[][] rows) =>
        Raw(name, $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows.Length}, {(rows.Length == 0 ? 2 : rows[0].Length)}), }}", Bytes<float>(rows.SelectMany(row => row)));

    /// <summary>A float64 matrix of one row per array.</summary>
    public string Matrix(string name, params double[][] rows) =>
        Raw(name, $"{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows.Length}, {rows[0].Length}), }}", Bytes<double>(rows.SelectMany(row => row)));

    /// <summary>An int64 vector.</summary>
    public string Labels(string name, params long[] labels) =>
        Raw(name, $"{{'descr': '<i8', 'fortran_order': False, 'shape': ({labels.Length},), }}", Bytes<long>(labels));

    /// <summary>Any header, any bytes.</summary>
    public string Raw(string name, string header, byte[] data, int? announcedHeaderBytes = null)
    {
        var start = new byte[10];
        new byte[] { 0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0 }.CopyTo(start, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(start.AsSpan(8), (ushort)(announcedHeaderBytes ?? header.Length));
        return Plain(name, [.. start, .. Encoding.ASCII.GetBytes(header), .. data]);
    }

    /// <summary>A file that is nothing but these bytes.</summary>
    public string Plain(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return PathOf(name);
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);

    private static byte[] Bytes<T>(IEnumerable<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes(values.ToArray().AsSpan()).ToArray();
}
