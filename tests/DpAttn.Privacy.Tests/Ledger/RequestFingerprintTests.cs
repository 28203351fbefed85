namespace DpAttn.Privacy.Tests.Ledger;

public class RequestFingerprintTests
{
    [Fact]
    public void A_fingerprint_read_back_equals_the_one_written()
    {
        var fingerprint = RequestFingerprint.Of([1, 2, 3]);
        Assert.Equal(fingerprint, RequestFingerprint.FromHex(fingerprint.Hex));
        Assert.Equal(default, RequestFingerprint.FromHex(default(RequestFingerprint).Hex));
    }

    [Fact]
    public void What_is_no_digest_is_refused()
    {
        var hex = RequestFingerprint.Of([1]).Hex;
        foreach (var bad in new[] { "", hex[1..], hex + "0", hex.ToUpperInvariant(), "g" + hex[1..] })
            Assert.Throws<FormatException>(() => RequestFingerprint.FromHex(bad));
    }
}
