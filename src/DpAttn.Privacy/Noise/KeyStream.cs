using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DpAttn.Privacy;

/// <summary>AES-256 in counter mode from counter 0. The counter is the whole 128-bit block, big-endian.</summary>
internal sealed class KeyStream : WordStream
{
    // Short vectors need few words, long ones many: chunks grow.
    private const int SmallestChunk = 16;
    private const int LargestChunk = 512;
    private const int BlockBytes = 16;

    private readonly Aes _aes;
    private int _chunk = SmallestChunk;
    private ulong _nextBlock;

    public KeyStream(byte[] key) : base(LargestChunk * BlockBytes)
    {
        _aes = Aes.Create();
        _aes.Key = key;
    }

    public override void Dispose()
    {
        _aes.Dispose();
        base.Dispose();
    }

    protected override int Refill(Span<byte> words)
    {
        var chunk = words[..(_chunk * BlockBytes)];
        for (var i = 0; i < _chunk; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(chunk[(i * BlockBytes)..], 0);
            BinaryPrimitives.WriteUInt64BigEndian(chunk[(i * BlockBytes + sizeof(ulong))..], _nextBlock + (ulong)i);
        }
        _aes.EncryptEcb(chunk, chunk, PaddingMode.None);
        _nextBlock += (ulong)_chunk;
        _chunk = Math.Min(2 * _chunk, LargestChunk);
        return chunk.Length;
    }
}
