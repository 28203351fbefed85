using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>The cache of noised parts: asks once for all that it misses, holds no more than it may, and never mixes tiers, releases or stores.</summary>
public class PartCacheTests
{
    private static readonly StoreId Store = new("0123456789abcdef0123456789abcdef");
    private static readonly StoreId Other = new("1123456789abcdef0123456789abcdef");
    private readonly List<long[]> _asked = [];
    private readonly ClusterOptions _options = new();

    [Fact]
    public async Task What_is_missing_is_asked_for_once_and_together()
    {
        var cache = new PartCache(_options);
        Require(await ReadAsync(cache, [5, 1, 9]), [5, 1, 9], tier: 0);
        Require(await ReadAsync(cache, [1, 2, 9, 3]), [1, 2, 9, 3], tier: 0);
        Require(await ReadAsync(cache, [1, 2, 3, 5, 9]), [1, 2, 3, 5, 9], tier: 0);
        Assert.Equal([[5, 1, 9], [2, 3]], _asked);
    }

    [Fact]
    public async Task Tiers_releases_and_stores_are_kept_apart()
    {
        var cache = new PartCache(_options);
        Require(await ReadAsync(cache, [7], tier: 0), [7], tier: 0);
        Require(await ReadAsync(cache, [7], tier: 1), [7], tier: 1);
        await ReadAsync(cache, [7], release: "r2");
        await ReadAsync(cache, [7], store: Other);
        Assert.Equal(4, _asked.Count);
        Require(await ReadAsync(cache, [7], tier: 1), [7], tier: 1);
        Assert.Equal(4, _asked.Count);
    }

    [Fact]
    public async Task Bytes_are_bounded_and_the_least_recently_used_go_first()
    {
        var cache = new PartCache(_options);
        await ReadAsync(cache, [1]);
        var one = cache.Bytes;
        _options.PartCacheBytes = 3 * one;
        await ReadAsync(cache, [2, 3]);
        await ReadAsync(cache, [1]);
        await ReadAsync(cache, [4]);
        Assert.Equal(3 * one, cache.Bytes);
        _asked.Clear();
        await ReadAsync(cache, [1, 3, 4]);
        Assert.Empty(_asked);
        await ReadAsync(cache, [2]);
        Assert.Single(_asked);
        // More than it may hold is answered all the same.
        Require(await ReadAsync(cache, [11, 12, 13, 14, 15]), [11, 12, 13, 14, 15], tier: 0);
        Assert.Equal(3 * one, cache.Bytes);
    }

    [Fact]
    public async Task More_than_one_message_holds_is_asked_for_in_several()
    {
        var cache = new PartCache(_options);
        Require(await ReadAsync(cache, [1, 2, 3, 4, 5], partsPerCall: 2), [1, 2, 3, 4, 5], tier: 0);
        Assert.Equal([[1, 2], [3, 4], [5]], _asked);
    }

    [Fact]
    public async Task A_failure_and_an_answer_of_another_length_are_told_and_not_kept()
    {
        var cache = new PartCache(_options);
        await Assert.ThrowsAsync<TimeoutException>(() => cache.ReadAsync(Store, "r1", 0, [1], 2, 100, _ => throw new TimeoutException()));
        var few = await Assert.ThrowsAsync<ProblemException>(() => cache.ReadAsync(Store, "r1", 0, [1], 2, 100, _ => Task.FromResult(PartSums.Of([1]))));
        Assert.Equal(ProblemCodes.ShardUnavailable, few.Code);
        Assert.Equal(0, cache.Bytes);
        Require(await ReadAsync(cache, [1]), [1], tier: 0);
    }

    [Fact]
    public void Integers_that_do_not_fit_one_block_arrive_whole_and_in_order()
    {
        var values = Enumerable.Range(0, 2 * LongBlock.MostValues + 3).Select(i => (long)i).ToArray();
        var sums = PartSums.Of(values);
        Assert.Equal(3, sums.Blocks.Length);
        Assert.Equal(values, sums.ToArray(values.Length));
        var total = (long[])values.Clone();
        sums.AddTo(total, 4);
        Assert.Equal(values.Select(x => 2 * x), total);
        Assert.Throws<ProblemException>(() => sums.ToArray(values.Length - 1));
        Assert.Throws<ProblemException>(() => sums.AddTo(new long[values.Length + 1], 4));
    }

    private Task<IReadOnlyDictionary<long, long[]>> ReadAsync(PartCache cache, long[] parts, int tier = 0, string release = "r1", StoreId? store = null, int partsPerCall = 100) =>
        cache.ReadAsync(store ?? Store, release, tier, parts, 2, partsPerCall, missing =>
        {
            _asked.Add(missing.Values);
            return Task.FromResult(PartSums.Of([.. missing.Values.SelectMany(part => new[] { part, -part - 1000 * tier })]));
        });

    private static void Require(IReadOnlyDictionary<long, long[]> found, long[] parts, int tier)
    {
        Assert.Equal(parts.Order(), found.Keys.Order());
        Assert.All(found, entry => Assert.Equal([entry.Key, -entry.Key - 1000 * tier], entry.Value));
    }
}
