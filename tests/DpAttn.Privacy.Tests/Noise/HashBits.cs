using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace DpAttn.Privacy.Tests;

/// <summary>Fair bits for tests: SHA-256 of a seed and a counter.</summary>
internal sealed class HashBits(int seed)
{
    private readonly byte[] _input = new byte[12];
    private readonly byte[] _block = new byte[32];
    private long _counter;
    private int _used = 32;

    /// <summary>Uniform on 0 .. bound - 1: so many bits as the bound has, again and again until they are below it.</summary>
    public BigInteger Below(BigInteger bound)
    {
        var length = (int)(bound - 1).GetBitLength();
        Span<byte> bytes = stackalloc byte[(length + 7) / 8];
        while (true)
        {
            foreach (ref var b in bytes)
                b = NextByte();
            if (length % 8 != 0)
                bytes[^1] &= (byte)((1 << (length % 8)) - 1);
            var value = new BigInteger(bytes, isUnsigned: true);
            if (value < bound)
                return value;
        }
    }

    private byte NextByte()
    {
        if (_used == _block.Length)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_input, seed);
            BinaryPrimitives.WriteInt64LittleEndian(_input.AsSpan(4), _counter++);
            SHA256.HashData(_input, _block);
            _used = 0;
        }
        return _block[_used++];
    }
}
