using System.Buffers.Binary;

namespace DpAttn.Privacy;

/// <summary>A stream of 64-bit words that the sampler reads. The product has one, <see cref="KeyStream"/>; tests script others.</summary>
internal abstract class WordStream : IDisposable
{
    private readonly byte[] _words;
    private int _position;
    private int _end;

    private protected WordStream(int largestChunk) => _words = new byte[largestChunk];

    /// <summary>The next 64 bits of the stream, little-endian.</summary>
    public ulong NextWord()
    {
        if (_position == _end)
        {
            _end = Refill(_words);
            _position = 0;
        }
        var word = BinaryPrimitives.ReadUInt64LittleEndian(_words.AsSpan(_position));
        _position += sizeof(ulong);
        return word;
    }

    public virtual void Dispose() => Array.Clear(_words);

    /// <summary>Writes the next bytes of the stream, at least one and a whole number of words, and returns how many.</summary>
    protected abstract int Refill(Span<byte> words);
}
