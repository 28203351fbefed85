using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>What is verified of a blob when it is read, the same in every database.</summary>
internal static class BlobDigest
{
    /// <summary>A blob in messages.</summary>
    public static string Name(BlobKey key) => $"blob {key.Kind} {key.Id}, part {key.Part}, of store {key.Store}";

    /// <summary>Of a blob's row. Over the key too: a damaged index must not lead to another blob, whole as that may be.</summary>
    public static RowDigest Of(BlobKey key, long bytes, byte[] sha256, long writtenAt)
    {
        var digest = new RowDigest("blob");
        digest.Add(key.Store.Value);
        digest.Add((long)key.Kind);
        digest.Add(key.Id);
        digest.Add(key.Part);
        digest.Add(bytes);
        digest.Add(sha256);
        digest.Add(writtenAt);
        return digest;
    }

    /// <exception cref="StorageCorruptException">The content does not have its length or its checksum.</exception>
    public static void RequireContent(BlobInfo info, ReadOnlySpan<byte> content)
    {
        Span<byte> sha256 = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, sha256);
        if (content.Length != info.Bytes || !sha256.SequenceEqual(info.Digest.Span))
            throw new StorageCorruptException($"{Name(info.Key)} is not what was written: its checksum differs");
    }
}
