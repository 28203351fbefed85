using System.Text;
using CsCheck;

namespace DpAttn.Storage.Tests.Postgres;

public sealed class KeyRangeTests
{
    // Few characters, among them the last before and the first after the surrogates and the last of all, so that prefixes are met often.
    private static readonly Gen<string> Texts = Gen.OneOf([.. new[] { "a", "b", "\uD7FF", "\uE000", "\U0010FFFF", "é" }.Select(text => Gen.Const(text))]).Array[0, 4].Select(string.Concat);

    [Fact]
    public void A_range_holds_exactly_the_keys_that_start_with_the_prefix() =>
        Gen.Select(Texts, Texts).Sample((prefix, key) =>
        {
            var isInRange = Compare(key, prefix) >= 0 && (KeyRange.After(prefix) is not { } end || Compare(key, end) < 0);
            Assert.Equal(key.StartsWith(prefix, StringComparison.Ordinal), isInRange);
        }, iter: 20_000);

    [Fact]
    public void What_the_database_cannot_hold_is_known()
    {
        Assert.All(["", "a/é日", "\U0001F600"], text => Assert.True(KeyRange.IsText(text)));
        Assert.All(["a\0b", "a\ud800b", "a\udc00", "\ud800"], text => Assert.False(KeyRange.IsText(text)));
    }

    private static int Compare(string left, string right) => Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
}
