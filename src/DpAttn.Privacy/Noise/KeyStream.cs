using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DpAttn.Privacy;

/// <summary>
/// AES-256 in counter mode from counter 0, read as 64-bit words. The counter is the whole 128-bit block, big-endian;
/// words are little-endian.
/// </summary>
internal sealed class KeyStream : IDisposable
{
    private const int ChunkBlocks = 1024;
    private const int BlockBytes = 16;

    private readonly Aes _aes;
    private readonly byte[] _counters = new byte[ChunkBlocks * BlockBytes];
    private readonly byte[] _words = new byte[ChunkBlocks * BlockBytes];
    private ulong _nextBlock;
    private int _position;

    public KeyStream(byte[] key)
    {
        _aes = Aes.Create();
        _aes.Key = key;
        _position = _words.Length;
    }

    /// <summary>The next 64 bits of the stream.</summary>
    public ulong NextWord()
    {
        if (_position == _words.Length)
            Refill();
        var word = BinaryPrimitives.ReadUInt64LittleEndian(_words.AsSpan(_position));
        _position += sizeof(ulong);
        return word;
    }

    public void Dispose() => _aes.Dispose();

    private void Refill()
    {
        for (var i = 0; i < ChunkBlocks; i++)
            BinaryPrimitives.WriteUInt64BigEndian(_counters.AsSpan(i * BlockBytes + sizeof(ulong)), _nextBlock + (ulong)i);
        _nextBlock += ChunkBlocks;
        _aes.EncryptEcb(_counters, _words, PaddingMode.None);
        _position = 0;
    }
}
