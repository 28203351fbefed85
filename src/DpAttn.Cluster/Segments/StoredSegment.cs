using DpAttn.Attention;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Reads what a directory names as it is named, or not at all.</summary>
internal static class StoredSegment
{
    /// <summary>A segment's rows, if it is the one that was named.</summary>
    /// <exception cref="StorageCorruptException">It is another one.</exception>
    public static (RowSet? Rows, bool Clip) Open(ManifestSegment segment, byte[] bytes, StoreSchema schema)
    {
        if (ReleaseManifest.IdOf(bytes) != segment.Digest)
            throw new StorageCorruptException($"segment {segment.Blob} is not the one that was frozen");
        var (rows, clip) = SegmentCodec.Decode(bytes, schema);
        return (rows?.Count ?? 0) == segment.Slots
            ? (rows, clip)
            : throw new StorageCorruptException($"segment {segment.Blob} has other slots than were frozen");
    }

    /// <summary>Rows were checked when they came; this version checks otherwise, and no retry will change that.</summary>
    public static StorageCorruptException Refused(ManifestSegment segment, ArgumentException refusal) =>
        new($"segment {segment.Blob} holds a row that this version refuses", refusal);
}
