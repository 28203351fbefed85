using System.Text;

namespace DpAttn.Storage.Tests.Secrets;

public class SecretProtectorTests
{
    private static readonly byte[] KeyA = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] KeyB = [.. Enumerable.Range(32, 32).Select(i => (byte)i)];
    private static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of some length");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(10_000)]
    public void A_secret_of_any_length_comes_back(int bytes)
    {
        var secret = new byte[bytes];
        Array.Fill(secret, (byte)9);
        var protector = Protector(("a", KeyA));
        Assert.Equal(secret, protector.Unprotect(protector.Protect(secret, "p"), "p"));
    }

    [Fact]
    public void The_same_secret_is_wrapped_differently_each_time_and_does_not_show()
    {
        var protector = Protector(("a", KeyA));
        var wrapped = Enumerable.Range(0, 1000).Select(_ => protector.Protect(Secret, "p")).ToArray();
        Assert.Equal(1000, wrapped.Select(Convert.ToHexString).Distinct().Count());
        // Two bytes of format and length, the key's id of one, then the nonce: 96 random bits.
        Assert.Equal(1000, wrapped.Select(bytes => Convert.ToHexString(bytes, 3, 12)).Distinct().Count());
        Assert.All(wrapped, bytes => Assert.True(bytes.AsSpan().IndexOf(Secret) < 0));
        Assert.All(wrapped, bytes => Assert.Equal(3 + 12 + Secret.Length + 16, bytes.Length));
    }

    [Fact]
    public void A_secret_does_not_unwrap_for_another_purpose()
    {
        var protector = Protector(("a", KeyA));
        var wrapped = protector.Protect(Secret, "release/1");
        Assert.Throws<StorageCorruptException>(() => protector.Unprotect(wrapped, "release/2"));
        Assert.Throws<StorageCorruptException>(() => protector.Unprotect(wrapped, "release/11"));
        Assert.Throws<StorageCorruptException>(() => protector.Rewrap(wrapped, "release/2"));
    }

    [Fact]
    public void Every_changed_or_missing_byte_is_refused()
    {
        // Two keys whose ids differ in one bit, so that the header can be changed to name the other.
        var protector = Protector(("a", KeyA), ("c", KeyB));
        var wrapped = protector.Protect(Secret, "p");
        for (var i = 0; i < wrapped.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var damaged = (byte[])wrapped.Clone();
                damaged[i] ^= (byte)(1 << bit);
                Assert.ThrowsAny<StorageException>(() => protector.Unprotect(damaged, "p"));
            }
        }
        for (var length = 0; length < wrapped.Length; length++)
            Assert.ThrowsAny<StorageException>(() => protector.Unprotect(wrapped.AsSpan(0, length), "p"));
        Assert.ThrowsAny<StorageException>(() => protector.Unprotect([.. wrapped, 0], "p"));
    }

    [Fact]
    public void A_key_that_the_ring_does_not_hold_is_named()
    {
        var wrapped = Protector(("a", KeyA)).Protect(Secret, "p");
        var failure = Assert.Throws<StorageRefusedException>(() => Protector(("b", KeyB)).Unprotect(wrapped, "p"));
        Assert.Contains("the key a", failure.Message);
        Assert.Contains("(b)", failure.Message);
        // Another key under the same id.
        Assert.Throws<StorageCorruptException>(() => Protector(("a", KeyB)).Unprotect(wrapped, "p"));
    }

    [Fact]
    public void Wrapping_anew_keeps_the_secret_and_takes_the_current_key()
    {
        var both = Protector(("a", KeyA), ("b", KeyB));
        var old = Protector(("a", KeyA)).Protect(Secret, "p");
        Assert.False(both.IsCurrent(old));

        var anew = both.Rewrap(old, "p");

        Assert.True(both.IsCurrent(anew));
        Assert.Equal(Secret, Protector(("b", KeyB)).Unprotect(anew, "p"));
        Assert.Throws<StorageRefusedException>(() => Protector(("a", KeyA)).Unprotect(anew, "p"));
    }

    /// <summary>In the format of version 1, with the key 00 01 02 ... 1f, computed by another implementation of AES-GCM: later versions must unwrap it.</summary>
    [Fact]
    public void What_version_1_wrapped_is_unwrapped()
    {
        const string Golden = "0108676f6c64656e2d318d3c5f0a9b7e6d4c3b2a190876ae94b78769bb118f68fa35b32f366d011abad35730fbf9627e4ffb2f760844210093b56e736d";
        Assert.Equal(Secret, Protector(("golden-1", KeyA)).Unprotect(Convert.FromHexString(Golden), "golden/purpose"));
    }

    [Fact]
    public void A_ring_without_keys_or_with_bad_ones_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Protector());
        Assert.Throws<ArgumentException>(() => Protector(("a", KeyA), ("a", KeyB)));
        Assert.Throws<ArgumentException>(() => Protector(("A", KeyA)));
        Assert.Throws<ArgumentException>(() => Protector(("", KeyA)));
        Assert.Throws<ArgumentException>(() => Protector(("a", KeyA[..31])));
        Assert.Throws<ArgumentException>(() => Protector(("a", null!)));
    }

    private static SecretProtector Protector(params (string Id, byte[] Key)[] keys) => new(new KeyRing(keys.Select(pair => new KeyValuePair<string, byte[]>(pair.Id, pair.Key))));
}
