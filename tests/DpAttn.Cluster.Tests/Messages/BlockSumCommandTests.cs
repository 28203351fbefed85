namespace DpAttn.Cluster.Tests;

/// <summary>Sums are known by all that they are of: one key never names the sums of other blocks.</summary>
public class BlockSumCommandTests
{
    private static readonly BlockSumCommand Command = new("r000001", 4, ["aa", "bb", "cc"], [1, 2, 3]);

    [Fact]
    public void Equal_blocks_have_one_key() =>
        Assert.Equal(Command.Key, new BlockSumCommand("r000001", 4, ["aa", "bb", "cc"], [1, 2, 3]).Key);

    [Fact]
    public void Any_other_content_number_or_release_is_another_key()
    {
        BlockSumCommand[] others =
        [
            Command with { Release = "r000002" },
            Command with { FirstBlock = 5 },
            Command with { Contents = ["ab", "bb", "cc"] },
            Command with { Contents = ["aa", "bc", "cc"] },
            Command with { Contents = ["aa", "bb", "cd"] },
            Command with { Contents = ["bb", "aa", "cc"] },
            Command with { Contents = ["aa", "bb"] },
            Command with { Contents = ["bb", "cc"] },
        ];
        var keys = others.Select(other => other.Key).Append(Command.Key).ToHashSet();
        Assert.Equal(others.Length + 1, keys.Count);
    }
}
