using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// What stands in a row for all its other columns: a digest, which finds a bit that the disk turned or a value edited by hand and does not stop somebody who
/// recomputes it, or, in the ledger, a MAC, which nobody makes without the key.
/// </summary>
internal ref struct RowDigest
{
    /// <summary>The first bytes of SHA-256.</summary>
    public const int Bytes = 16;

    private byte[] _content;
    private int _length;

    /// <summary>A digest for a row of a table.</summary>
    public RowDigest(string table)
    {
        _content = new byte[256];
        Add(table);
    }

    public void Add(long value) => BinaryPrimitives.WriteInt64LittleEndian(Next(sizeof(long)), value);

    public void Add(double value) => Add(BitConverter.DoubleToInt64Bits(value));

    public void Add(PrivacyAmount value)
    {
        Add(value.MuSquared);
        Add(value.Slack);
    }

    /// <summary>Text with its length before it; null differs from the empty one.</summary>
    public void Add(string? value)
    {
        if (value is null)
        {
            Add(-1);
            return;
        }
        var bytes = Encoding.UTF8.GetByteCount(value);
        Add(bytes);
        Encoding.UTF8.GetBytes(value, Next(bytes));
    }

    /// <summary>Bytes with their length before them.</summary>
    public void Add(ReadOnlySpan<byte> value)
    {
        Add(value.Length);
        value.CopyTo(Next(value.Length));
    }

    public readonly byte[] ToArray() => SHA256.HashData(_content.AsSpan(0, _length))[..Bytes];

    /// <summary>HMAC-SHA256 of the row.</summary>
    public readonly byte[] ToMac(ReadOnlySpan<byte> key) => HMACSHA256.HashData(key, _content.AsSpan(0, _length));

    /// <exception cref="StorageCorruptException">The stored digest is another one.</exception>
    public readonly void Require(ReadOnlySpan<byte> stored, string what)
    {
        if (!stored.SequenceEqual(ToArray()))
            throw new StorageCorruptException($"{what} is not what was written: its checksum differs");
    }

    private Span<byte> Next(int bytes)
    {
        if (_length + bytes > _content.Length)
            Array.Resize(ref _content, Math.Max(2 * _content.Length, _length + bytes));
        _length += bytes;
        return _content.AsSpan(_length - bytes, bytes);
    }
}
