using System.Buffers.Binary;
using System.Text;

namespace DpAttn.Server.Attend;

/// <summary>Writes a vector of NumPy's bool, so that it masks arrays as it is.</summary>
internal static class NpyMarks
{
    public static void Write(Stream stream, ReadOnlySpan<bool> marks)
    {
        const int Preamble = 10;
        var text = $"{{'descr': '|b1', 'fortran_order': False, 'shape': ({marks.Length},), }}";
        var total = (Preamble + text.Length + 1 + 63) / 64 * 64;
        var header = new byte[total];
        header.AsSpan().Fill((byte)' ');
        header[0] = 0x93;
        "NUMPY"u8.CopyTo(header.AsSpan(1));
        (header[6], header[7]) = (1, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - Preamble));
        Encoding.ASCII.GetBytes(text, header.AsSpan(Preamble));
        header[^1] = (byte)'\n';
        stream.Write(header);
        foreach (var mark in marks)
            stream.WriteByte(mark ? (byte)1 : (byte)0);
    }
}
