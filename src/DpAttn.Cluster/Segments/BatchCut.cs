using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>A piece of a batch as it is stored.</summary>
internal sealed record EncodedSegment(ReadOnlyMemory<byte> Bytes, SegmentReference Reference);

/// <summary>Cuts a batch into segments. Everything follows from the batch's id and its public shape, so a retry cuts and names the same ones.</summary>
internal static class BatchCut
{
    // One message and one blob: within what the engine moves well.
    private const int SegmentBytes = 2 << 20;

    /// <summary>What stands for a batch's id in keys: ids may be long and hold anything printable.</summary>
    /// <exception cref="ArgumentException">Not 1 to 128 printable ASCII characters.</exception>
    public static string KeyOf(string batch) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(new RequestId(batch).Value)))[..32];

    /// <summary>The first row and the number of rows of each piece.</summary>
    /// <exception cref="ArgumentException">A single row is too large.</exception>
    public static IReadOnlyList<(int First, int Count)> PiecesOf(RowBatch batch)
    {
        var size = SegmentCodec.RowsPerSegment(batch, SegmentBytes);
        var pieces = new List<(int, int)>();
        for (var first = 0; first < batch.Keys.Rows; first += size)
            pieces.Add((first, Math.Min(size, batch.Keys.Rows - first)));
        return pieces;
    }

    /// <summary>One piece, encoded.</summary>
    public static EncodedSegment Encode(RowBatch batch, string batchKey, int part, (int First, int Count) piece, int shards)
    {
        var bytes = SegmentCodec.Encode(batch, piece.First, piece.Count);
        var shard = (int)((Convert.ToUInt32(batchKey[..8], 16) + (uint)part) % (uint)shards);
        return new EncodedSegment(bytes, new SegmentReference(SegmentName.Of(batchKey, part), shard, piece.First, piece.Count, piece.Count, bytes.Length, ReleaseManifest.IdOf(bytes)));
    }
}
