using System.Buffers.Binary;
using System.Text;

namespace DpAttn.Attention.Tests;

/// <summary>Array files byte by byte, good and bad, independently of the product's writer.</summary>
internal static class NpyFiles
{
    /// <summary>Magic, version, a header padded to 64 bytes as NumPy pads it, and data.</summary>
    public static byte[] Make(string dictionary, byte[] data, int major = 1, int minor = 0)
    {
        var preamble = major == 1 ? 10 : 12;
        var total = (preamble + dictionary.Length + 1 + 63) / 64 * 64;
        var header = new byte[total];
        byte[] magic = [0x93, .. "NUMPY"u8, (byte)major, (byte)minor];
        magic.CopyTo(header, 0);
        if (major == 1)
            BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - preamble));
        else
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), (uint)(total - preamble));
        header.AsSpan(preamble).Fill((byte)' ');
        Encoding.Latin1.GetBytes(dictionary, header.AsSpan(preamble));
        header[^1] = (byte)'\n';
        return [.. header, .. data];
    }

    public static byte[] Make(string descr, string shape, byte[] data, bool fortran = false, int major = 1) =>
        Make($"{{'descr': '{descr}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': {shape}, }}", data, major);
}
