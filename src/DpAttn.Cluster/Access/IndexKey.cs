using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Cluster;

/// <summary>
/// The keyed hashes that stand for names and rows in the catalog: whoever reads the database alone can neither list subjects nor guess rows. It never changes,
/// so neither rotating nor losing another key can give a user a fresh budget.
/// </summary>
internal sealed class IndexKey(byte[] key)
{
    /// <summary>Bytes of the key.</summary>
    public const int Bytes = 32;

    /// <summary>What stands for a subject.</summary>
    public string Of(string issuer, string subject) => Hash("subject", Encoding.UTF8.GetBytes(issuer), Encoding.UTF8.GetBytes(subject));

    /// <summary>What stands for the rows of a batch: the digests of its segments.</summary>
    public string OfBatch(string store, string batch, IEnumerable<string> digests) =>
        Hash("batch", Encoding.UTF8.GetBytes(store), Encoding.UTF8.GetBytes(batch), Encoding.ASCII.GetBytes(string.Join(',', digests)));

    private string Hash(string purpose, params byte[][] fields)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var field in (byte[][])[Encoding.ASCII.GetBytes(purpose), .. fields])
        {
            // Each field behind its length: no two lists of fields share an encoding.
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(length, field.Length);
            hash.AppendData(length);
            hash.AppendData(field);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
