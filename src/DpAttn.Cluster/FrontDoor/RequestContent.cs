using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Cluster;

/// <summary>What a request asks for, in one encoding: its retry has the same bytes, and any other request has others.</summary>
internal static class RequestContent
{
    public static byte[] Of(AttendCommand command)
    {
        // A range is written only where it is stated: other requests have the bytes that they were charged under before there was a choice.
        var begin = command.Rows is { } rows ? $"attend 2|{rows.From}|{rows.To}" : "attend 1";
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(
            $"{begin}|{command.Release?.Length}|{command.Release}|{command.Tier}|{command.MaxEpsilon:R}|{command.Clip}|{command.Queries.Rows}|{command.Queries.Columns}|"));
        if (BitConverter.IsLittleEndian)
        {
            hash.AppendData(MemoryMarshal.AsBytes(command.Queries.Data.AsSpan()));
        }
        else
        {
            var swapped = new long[command.Queries.Data.Length];
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<double, long>(command.Queries.Data), swapped);
            hash.AppendData(MemoryMarshal.AsBytes(swapped.AsSpan()));
        }
        return hash.GetHashAndReset();
    }
}
