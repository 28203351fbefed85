using System.IO.Compression;
using System.Text;
using DpAttn.Attention;
using DpAttn.Attention.IO;

namespace DpAttn.Server.Tests.Support;

/// <summary>Array files, good and bad.</summary>
internal static class Arrays
{
    public static byte[] Npy(Matrix<double> matrix, bool fortranOrder = false)
    {
        using var stream = new MemoryStream();
        Attention.IO.Npy.Write(stream, matrix, fortranOrder);
        return stream.ToArray();
    }

    public static byte[] Npy(Matrix<float> matrix)
    {
        using var stream = new MemoryStream();
        Attention.IO.Npy.Write(stream, matrix);
        return stream.ToArray();
    }

    public static byte[] Npy(int rows, int columns, params double[] data) => Npy(new Matrix<double>(rows, columns, data));

    /// <summary>A file with any header over any data.</summary>
    public static byte[] Raw(string descr, string shape, byte[] data)
    {
        var header = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header), .. data];
    }

    public static byte[] Marks(params byte[] marks) => Raw("|b1", $"({marks.Length},)", marks);

    public static byte[] Npz(CompressionLevel level, params (string Name, byte[] Content)[] members)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in members)
            {
                using var entry = archive.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }
        return stream.ToArray();
    }

    public static FloatMatrix Read(byte[] npy) => Attention.IO.Npy.ReadMatrix(new MemoryStream(npy), "array");

    public static double[] Row(FloatMatrix matrix, int row) => matrix.ToDouble().Row(row).ToArray();

    public static ByteArrayContent Content(byte[] bytes, string mediaType) => new(bytes) { Headers = { ContentType = new(mediaType) } };

    public static MultipartFormDataContent Parts(params (string Name, byte[] Content)[] parts)
    {
        var content = new MultipartFormDataContent();
        foreach (var (name, bytes) in parts)
            content.Add(new ByteArrayContent(bytes), name, name + ".npy");
        return content;
    }
}
