using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Cluster;

/// <summary>Asks for what freezes some rows of a segment: from one on, as many as hold so many slots that count, or to the segment's end.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.SliceCommand)]
internal sealed record SliceCommand(
    [property: Id(0)] string Blob,
    [property: Id(1)] int FirstRow,
    [property: Id(2)] int Slots,
    [property: Id(3)] bool ToEnd);

/// <summary>Rows of a segment and the digest of their bytes; no rows where there is no such blob any more, as after an erasure.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.SegmentSlice)]
internal sealed record SegmentSlice(
    [property: Id(0)] int Rows,
    [property: Id(1)] int Slots,
    [property: Id(2)] string Digest);

/// <summary>Frozen blocks side by side, each named by the digest of its content.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.BlockSumCommand)]
internal sealed record BlockSumCommand(
    [property: Id(0)] string Release,
    [property: Id(1)] long FirstBlock,
    [property: Id(2)] string[] Contents,
    [property: Id(3)] int[] ContentBytes)
{
    /// <summary>Names the sums by all that they are of: every block's number and content.</summary>
    public string Key => $"{Release}/{FirstBlock}+{Contents.Length}/{Digest()}";

    private string Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < Contents.Length; i++)
            hash.AppendData(Encoding.ASCII.GetBytes($"{FirstBlock + i}:{Contents[i]};"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
