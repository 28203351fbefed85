using System.Runtime.InteropServices;
using DpAttn.Attention;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Noise that is drawn again, or that meets other rows: the checks that the product passes fail each fault that is planted.</summary>
public sealed class RedrawnNoiseTests : IAsyncDisposable
{
    private static readonly AttendCommand Ask = PerQueries.Ask();
    private readonly Bench _bench = new();

    [Theory]
    [InlineData(MomentRelease.Mechanism)]
    [InlineData(DistanceTreeRelease.Mechanism)]
    public async Task A_resumed_publish_has_the_noise_of_the_one_that_stopped(string mechanism) => Assert.True(await AResumedPublishHasOneNoiseAsync(mechanism, () => new KeyedNoiseSources()));

    [Theory]
    [InlineData(MomentRelease.Mechanism)]
    [InlineData(DistanceTreeRelease.Mechanism)]
    public async Task Noise_redrawn_after_a_resumed_publish_is_caught(string mechanism) => Assert.False(await AResumedPublishHasOneNoiseAsync(mechanism, () => new RedrawingNoises()));

    [Fact]
    public async Task A_retry_has_the_noise_of_the_first_attempt() => Assert.True(await ARetryHasOneNoiseAsync(() => new KeyedNoiseSources()));

    [Fact]
    public async Task Noise_redrawn_on_a_retry_is_caught() => Assert.False(await ARetryHasOneNoiseAsync(() => new RedrawingNoises()));

    [Fact]
    public async Task Releases_of_two_manifests_share_no_noise() => Assert.True(await TwoManifestsShareNoNoiseAsync(new KeyedNoiseSources()));

    [Fact]
    public async Task Noise_from_the_key_of_a_stale_manifest_is_caught() => Assert.False(await TwoManifestsShareNoNoiseAsync(new StaleNoises()));

    [Theory]
    [InlineData(MomentRelease.Mechanism)]
    [InlineData(DistanceTreeRelease.Mechanism)]
    public async Task A_release_of_its_own_manifest_is_published(string mechanism) => Assert.Equal(PublishOutcome.Published, await PublishOverAsync(mechanism, isStale: false));

    [Theory]
    [InlineData(MomentRelease.Mechanism)]
    [InlineData(DistanceTreeRelease.Mechanism)]
    public async Task A_stale_manifest_under_a_release_fails_it_before_any_noise(string mechanism) => Assert.Equal(PublishOutcome.Failed, await PublishOverAsync(mechanism, isStale: true));

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    /// <summary>A process stops after it has drawn noise, another one resumes: whatever both drew is the same, address by address.</summary>
    private async Task<bool> AResumedPublishHasOneNoiseAsync(string mechanism, Func<INoiseSources> noises)
    {
        var store = await MakeAsync(mechanism);
        var release = await _bench.Side.FreezeAsync(store);
        RecordingNoises before = new(noises()), after = new(noises());
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call is "put Node" };
        var stopped = _bench.With(plan, before);
        var publishing = stopped.PublishAsync(store, release);
        await Task.WhenAny(publishing, plan.Hanging);
        var resumed = _bench.With(new FaultPlan(), after);
        await resumed.PublishAsync(store, release);
        plan.Release();
        await publishing;
        // The distance-tree's noise is drawn when its parts are read.
        _ = await stopped.ReadNodesAsync(store, release);
        _ = await resumed.ReadNodesAsync(store, release);
        return AreSame(before, after);
    }

    /// <summary>A request is charged, and its answer cannot be stored; its retry draws what it drew.</summary>
    private async Task<bool> ARetryHasOneNoiseAsync(Func<INoiseSources> noises)
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, Samples.Rows(70, 1));
        RecordingNoises before = new(noises()), after = new(noises());
        using var first = new LocalQueries(_bench.With(new FaultPlan { Every = call => call == "put Answer" ? Fault.Before : null }, before), _bench, store);
        await Assert.ThrowsAnyAsync<Exception>(() => first.AskAsync(Ask));
        using var retry = new LocalQueries(_bench.With(new FaultPlan(), after), _bench, store);
        Assert.True((await retry.AskAsync(Ask)).Charge.IsReplay);
        return AreSame(before, after);
    }

    /// <summary>Two releases of one store, rows added between them: no four numbers of the noise of one are those of the other.</summary>
    private async Task<bool> TwoManifestsShareNoNoiseAsync(INoiseSources noises)
    {
        var store = await MakeAsync(MomentRelease.Mechanism);
        var noise = new RecordingNoises(noises);
        var side = _bench.With(new FaultPlan(), noise);
        await side.PublishAsync(store, await _bench.Side.FreezeAsync(store));
        var drawn = noise.Drawn.Count;
        await _bench.Side.AppendAsync(store, "later", Samples.Rows(9, 7));
        await side.PublishAsync(store, await _bench.Side.FreezeAsync(store));
        Assert.Equal(2 * drawn, noise.Drawn.Count);
        var seen = new HashSet<(long, long, long, long)>();
        // Four draws of a deviation above 2^24 coincide by chance with probability below 2^-96.
        return noise.Drawn.All(vector => MemoryMarshal.Cast<long, (long, long, long, long)>(vector.Values.AsSpan(0, vector.Values.Length / 4 * 4)).ToArray().All(seen.Add));
    }

    private async Task<PublishOutcome> PublishOverAsync(string mechanism, bool isStale)
    {
        var store = await MakeAsync(mechanism);
        var earlier = await _bench.Side.ReadReleaseAsync(store, await _bench.Side.FreezeAsync(store));
        await _bench.Side.AppendAsync(store, "later", Samples.Rows(9, 7));
        var release = await _bench.Side.FreezeAsync(store);
        if (isStale)
        {
            var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!;
            var stale = row.Value with { Manifest = earlier.Manifest, ManifestBytes = earlier.ManifestBytes };
            Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, stale)] }));
        }
        var noise = new RecordingNoises();
        var outcome = await _bench.With(new FaultPlan(), noise).PublishAsync(store, release);
        Assert.Equal(isStale || mechanism == DistanceTreeRelease.Mechanism, noise.Drawn.IsEmpty);
        return outcome;
    }

    private async Task<StoreId> MakeAsync(string mechanism)
    {
        var store = await _bench.MakeStoreAsync(Samples.Of(mechanism));
        await _bench.Side.AppendAsync(store, "b", Samples.Rows(40, 1));
        return store;
    }

    private static bool AreSame(RecordingNoises before, RecordingNoises after)
    {
        Assert.NotEmpty(before.Drawn);
        var values = after.Drawn.ToLookup(drawn => drawn.Address, drawn => drawn.Values);
        Assert.All(before.Drawn, drawn => Assert.NotEmpty(values[drawn.Address]));
        return before.Drawn.All(drawn => values[drawn.Address].All(drawn.Values.SequenceEqual));
    }

    /// <summary>A key of its own each time noise is wanted, as a process makes that does not bind it to what was frozen.</summary>
    private sealed class RedrawingNoises : INoiseSources
    {
        public INoiseSource Of(ReleaseKey key) => new KeyedNoise(ReleaseKey.Derive(ReleaseKey.NewSecret(), new byte[ReleaseKey.Bytes]));
    }

    /// <summary>The key of the first manifest, for all that follow.</summary>
    private sealed class StaleNoises : INoiseSources
    {
        private ReleaseKey? _first;

        public INoiseSource Of(ReleaseKey key) => new KeyedNoise(_first ??= key);
    }
}
