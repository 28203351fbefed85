using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Nothing that was revoked is served for longer than a poll, and nothing that is cached is trusted without polls.</summary>
public sealed class GenerationTests : IAsyncDisposable
{
    private readonly ManualClock _clock = new();
    private readonly Bench _bench;
    private readonly Generation _here;
    private readonly Generation _elsewhere;

    public GenerationTests()
    {
        _bench = new Bench(_clock);
        _here = new Generation(_bench.Storage.Catalog, _clock);
        _elsewhere = new Generation(_bench.Storage.Catalog, _clock);
    }

    [Fact]
    public async Task A_poll_drops_caches_when_and_only_when_somebody_raised_the_generation()
    {
        await _here.PollAsync();
        var epoch = _here.Epoch;
        await _here.PollAsync();
        Assert.Equal(epoch, _here.Epoch);
        for (var i = 0; i < 200; i++)
        {
            await RaiseAsync(_elsewhere);
            await _here.PollAsync();
            Assert.Equal(++epoch, _here.Epoch);
        }
    }

    [Fact]
    public async Task Changes_that_have_nothing_in_common_do_not_keep_each_other_from_being_committed()
    {
        var raisings = Enumerable.Range(0, 40).Select(_ => _bench.Storage.Catalog.CommitAsync(
            async () => ((CatalogCommit?)new CatalogCommit { Writes = [await _elsewhere.RaiseAsync()] }, true),
            () => new ProblemException("busy", "others were always first"),
            CancellationToken.None));
        await Task.WhenAll(raisings);
        Assert.Equal(40, (await _bench.Storage.Catalog.ListAsync("generation", "", null, 100)).Sum(row => row.Version));
    }

    [Fact]
    public async Task A_silo_that_hears_nothing_of_the_catalog_for_five_seconds_trusts_its_caches_no_more()
    {
        Assert.False(_here.IsFresh);
        await _here.PollAsync();
        Assert.True(_here.IsFresh);
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.True(_here.IsFresh);
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.False(_here.IsFresh);
        await _here.PollAsync();
        Assert.True(_here.IsFresh);
    }

    [Fact]
    public async Task What_is_cached_is_served_until_the_drop_and_not_after()
    {
        var cache = new EpochCache<string, string>(_here);
        await _here.PollAsync();
        var loads = 0;
        Task<string?> Load(string key) => Task.FromResult<string?>($"{key}{++loads}");
        Assert.Equal("k1", await cache.GetAsync("k", Load));
        Assert.Equal("k1", await cache.GetAsync("k", Load));
        _here.Drop();
        Assert.Equal("k2", await cache.GetAsync("k", Load));
        await RaiseAsync(_elsewhere);
        Assert.Equal("k2", await cache.GetAsync("k", Load));
        await _here.PollAsync();
        Assert.Equal("k3", await cache.GetAsync("k", Load));
    }

    [Fact]
    public async Task What_was_being_loaded_while_caches_were_dropped_is_never_cached()
    {
        var cache = new EpochCache<string, string>(_here);
        await _here.PollAsync();
        var old = new TaskCompletionSource<string?>();
        var loading = cache.GetAsync("k", _ => old.Task);
        _here.Drop();
        old.SetResult("revoked meanwhile");
        Assert.Equal("revoked meanwhile", await loading);
        Assert.Equal("new", await cache.GetAsync("k", _ => Task.FromResult<string?>("new")));
        Assert.Equal("new", await cache.GetAsync("k", _ => throw new InvalidOperationException("it is cached")));
    }

    [Fact]
    public async Task An_old_load_that_comes_back_late_does_not_replace_a_newer_one()
    {
        var cache = new EpochCache<string, string>(_here);
        await _here.PollAsync();
        var old = new TaskCompletionSource<string?>();
        var loading = cache.GetAsync("k", _ => old.Task);
        _here.Drop();
        await cache.GetAsync("k", _ => Task.FromResult<string?>("new"));
        old.SetResult("old");
        await loading;
        Assert.Equal("new", await cache.GetAsync("k", _ => throw new InvalidOperationException("it is cached")));
    }

    [Fact]
    public async Task What_was_not_found_is_looked_up_again()
    {
        var cache = new EpochCache<string, string>(_here);
        await _here.PollAsync();
        Assert.Null(await cache.GetAsync("k", _ => Task.FromResult<string?>(null)));
        Assert.Equal("found", await cache.GetAsync("k", _ => Task.FromResult<string?>("found")));
    }

    [Fact]
    public async Task Without_polls_nothing_is_served_from_a_cache()
    {
        var cache = new EpochCache<string, string>(_here);
        await _here.PollAsync();
        await cache.GetAsync("k", _ => Task.FromResult<string?>("old"));
        _clock.Advance(Generation.LongestSilence + TimeSpan.FromTicks(1));
        Assert.Equal("new", await cache.GetAsync("k", _ => Task.FromResult<string?>("new")));
        await Assert.ThrowsAsync<TimeoutException>(async () => await cache.GetAsync("k", _ => throw new TimeoutException()));
    }

    [Fact]
    public async Task A_cache_is_bounded()
    {
        var cache = new EpochCache<int, string>(_here, mostEntries: 10);
        await _here.PollAsync();
        for (var i = 0; i < 100; i++)
            await cache.GetAsync(i, key => Task.FromResult<string?>(key.ToString()));
        var loads = 0;
        for (var i = 0; i < 100; i++)
            await cache.GetAsync(i, key => { loads++; return Task.FromResult<string?>(key.ToString()); });
        Assert.InRange(loads, 90, 100);
    }

    /// <summary>Loads and drops race: whoever asks after a drop has returned never gets what was true before it.</summary>
    [Fact]
    public async Task No_race_of_loads_and_drops_serves_what_was_true_before_a_drop()
    {
        var cache = new EpochCache<string, object>(_here);
        await _here.PollAsync();
        int version = 0, announced = 0;
        using var end = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                var least = Volatile.Read(ref announced);
                var got = (int)(await cache.GetAsync("k", async _ =>
                {
                    var now = (object)Volatile.Read(ref version);
                    await Task.Yield();
                    return now;
                }))!;
                Assert.True(got >= least, $"version {got} was served after {least} had been dropped");
            }
        })).ToArray();
        for (var i = 1; i <= 20_000; i++)
        {
            Volatile.Write(ref version, i);
            _here.Drop();
            Volatile.Write(ref announced, i);
            if (i % 100 == 0)
                await Task.Yield();
        }
        await end.CancelAsync();
        await Task.WhenAll(readers);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private async Task RaiseAsync(Generation generation) =>
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [await generation.RaiseAsync()] }));
}
