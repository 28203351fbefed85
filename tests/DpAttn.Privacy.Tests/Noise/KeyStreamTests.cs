using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DpAttn.Privacy.Tests;

public class KeyStreamTests
{
    /// <summary>Against AES one block at a time, over several chunks: no counter is skipped, none comes twice.</summary>
    [Fact]
    public void Words_are_AES_256_of_consecutive_counters_from_0()
    {
        var key = SHA256.HashData("key"u8);
        using var aes = Aes.Create();
        aes.Key = key;
        using var stream = new KeyStream(key);
        var counter = new byte[16];
        for (ulong block = 0; block < 5000; block++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(counter.AsSpan(8), block);
            var expected = aes.EncryptEcb(counter, PaddingMode.None);
            Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(expected), stream.NextWord());
            Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(expected.AsSpan(8)), stream.NextWord());
        }
    }

    [Fact]
    public void The_cipher_is_the_AES_256_of_the_standard()
    {
        // FIPS 197, C.3.
        using var aes = Aes.Create();
        aes.Key = Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        Assert.Equal("8EA2B7CA516745BFEAFC49904B496089", Convert.ToHexString(aes.EncryptEcb(Convert.FromHexString("00112233445566778899aabbccddeeff"), PaddingMode.None)));
    }

    /// <summary>The keys that the noise hangs from, computed here from their parts: HKDF and HMAC of the framework, the encoding field by field.</summary>
    [Fact]
    public void A_subkey_is_the_HMAC_of_the_address_under_the_HKDF_of_secret_and_digest()
    {
        byte[] secret = SHA256.HashData("secret"u8), digest = SHA256.HashData("manifest"u8);
        var prk = HMACSHA256.HashData(digest, secret);
        var releaseKey = HMACSHA256.HashData(prk, (byte[])[.. "dpattn release noise"u8, 1]);
        static byte[] Field(ReadOnlySpan<byte> bytes) => [0, 0, 0, (byte)bytes.Length, .. bytes];
        static byte[] Number(byte value) => Field([0, 0, 0, 0, 0, 0, 0, value]);
        byte[] address = [.. Field("dpattn noise address"u8), .. Number(1), .. Field("moment-tree"u8), .. Number(2), .. Number(3), .. Number(4), .. Field([.. new byte[14], 1, 0])];
        Assert.Equal(
            HMACSHA256.HashData(releaseKey, address),
            ReleaseKey.Derive(secret, digest).Subkey(new NoiseAddress("moment-tree", 2, 3, new NoiseVariance(256)), 4));
    }
}
