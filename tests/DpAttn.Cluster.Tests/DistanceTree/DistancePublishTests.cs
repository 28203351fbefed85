using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Publishes of the distance-tree: the shards' exact sums are kept, and parts get their noise when they are asked for.</summary>
public sealed class DistancePublishTests() : PublishJobContract(DistanceTreeRelease.Mechanism)
{
    [Fact]
    public async Task A_publish_draws_no_noise_and_stores_no_tier()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var noise = new RecordingNoises();
        Assert.Equal(PublishOutcome.Published, await Bench.With(new FaultPlan(), noise).PublishAsync(store, release));
        Assert.Empty(noise.Drawn);
        Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.Node, "", null, 10));
        Assert.Equal(3, (await Bench.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10)).Count);
    }

    [Fact]
    public async Task A_part_has_one_noise_however_often_and_by_whomever_it_is_read()
    {
        var (store, release) = await PublishedAsync();
        var noise = new RecordingNoises();
        var sides = new[] { Bench.With(new FaultPlan(), noise), Bench.With(new FaultPlan(), noise) };
        var read = await Task.WhenAll(sides.Concat(sides).Select(side => side.ReadPartsAsync(store, release)));
        Assert.All(read, served => Assert.Equal(read[0], served));
        Assert.Equal(4 * noise.OnePerAddress().Values.Count, noise.Drawn.Count / 2);
    }

    [Fact]
    public async Task Sums_that_another_writer_stored_fail_the_release_before_any_noise()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        var document = await Bench.Side.ReadReleaseAsync(store, release);
        var model = (await Bench.Side.Directory.ReadAsync(store))!.Released;
        // Of other slots than were frozen, as a process gone mad would store them.
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.ShardSums, ShardSum.BlobId(release, document.Manifest, 1), NodeCodec.Encode(new long[model.Dimension], 9));
        Assert.Equal(PublishOutcome.Failed, await Bench.Side.PublishAsync(store, release));
        Assert.Contains("slots", (await Bench.Side.ReadReleaseAsync(store, release)).Failure);
    }

    [Fact]
    public async Task Sums_that_are_missing_or_not_those_that_were_published_release_nothing()
    {
        var (store, release) = await PublishedAsync();
        var sums = (await Bench.Side.ReadReleaseAsync(store, release)).Sums![1];
        var bytes = (await Bench.Storage.Segments.ReadPartsAsync(store, BlobKind.ShardSums, sums.Blob, sums.Bytes))!;
        await Bench.Storage.Segments.DeleteAsync(store, BlobKind.ShardSums, sums.Blob);
        var noise = new RecordingNoises();
        var missing = await Assert.ThrowsAsync<ProblemException>(() => Bench.With(new FaultPlan(), noise).ReadPartsAsync(store, release));
        Assert.StartsWith("shard 1", missing.Message);
        Assert.Contains("missing", missing.InnerException!.Message);
        bytes[^8] ^= 1;
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.ShardSums, sums.Blob, bytes);
        var other = await Assert.ThrowsAsync<ProblemException>(() => Bench.With(new FaultPlan(), noise).ReadPartsAsync(store, release));
        Assert.Contains("not those that were published", other.InnerException!.Message);
        Assert.Empty(noise.Drawn);
    }

    [Fact]
    public async Task A_release_that_is_retired_while_its_sums_are_read_is_not_found_and_not_taken_for_damaged()
    {
        var (store, release) = await PublishedAsync();
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Held, Counts = call => call == "read ShardSums" };
        var reading = Bench.With(plan).PartsOf(store, release).ReadAsync(0, new LongBlock([0]), CancellationToken.None);
        await plan.Hanging;
        await Bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        plan.Release();
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => reading)).Code);
    }

    [Fact]
    public async Task A_version_that_would_draw_other_noise_releases_nothing()
    {
        var (store, release) = await PublishedAsync();
        await ChangeAsync(store, release, document => document with { NoiseBinding = new string('0', 64) });
        var noise = new RecordingNoises();
        var refused = await Assert.ThrowsAsync<StorageCorruptException>(() => Bench.With(new FaultPlan(), noise).ReadPartsAsync(store, release));
        Assert.Contains("lattice or sampler", refused.Message);
        Assert.Empty(noise.Drawn);
    }

    [Fact]
    public async Task What_is_no_part_or_no_tier_asks_no_shard()
    {
        var (store, release) = await PublishedAsync();
        var parts = Bench.Side.Services.Parts(store, release);
        foreach (var bad in new long[] { -1, 2, 32, 33, long.MaxValue })
            await Assert.ThrowsAnyAsync<ArgumentException>(() => parts.ReadAsync(0, new LongBlock([0, bad]), new NoShards(), CancellationToken.None));
        foreach (var tier in new[] { -1, 3 })
            Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => parts.ReadAsync(tier, new LongBlock([0]), new NoShards(), CancellationToken.None))).Code);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => Bench.Side.Services.Parts(store, "r000099").ReadAsync(0, new LongBlock([0]), new NoShards(), CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_shard_that_fails_or_sends_too_little_fails_the_whole()
    {
        var (store, release) = await PublishedAsync();
        var noise = new RecordingNoises();
        var parts = Bench.With(new FaultPlan(), noise).Services.Parts(store, release);
        var failed = await Assert.ThrowsAsync<ProblemException>(() => parts.ReadAsync(0, new LongBlock([0, 1]), new NoShards(), CancellationToken.None));
        Assert.Equal(ProblemCodes.ShardUnavailable, failed.Code);
        var few = await Assert.ThrowsAsync<ProblemException>(() => parts.ReadAsync(0, new LongBlock([0, 1]), new FewSums(Bench.Side.PartsOf(store, release)), CancellationToken.None));
        Assert.Contains("shard 2 sent 4 sums where 8 belong", few.Message);
        Assert.Empty(noise.Drawn);
    }

    [Fact]
    public async Task A_retired_release_gives_no_part_to_those_who_held_it_open()
    {
        var (store, release) = await PublishedAsync();
        var parts = Bench.Side.Services.Parts(store, release);
        await parts.ReadAsync(2, new LongBlock([0]), Bench.Side.PartsOf(store, release), CancellationToken.None);
        await Bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => parts.ReadAsync(2, new LongBlock([0]), Bench.Side.PartsOf(store, release), CancellationToken.None))).Code);
        Bench.Side.Services.KeptSums.Forget(store, 0, release);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => Bench.Side.PartsOf(store, release).ReadAsync(0, new LongBlock([0]), CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_key_that_was_rotated_wraps_the_kept_secret_anew_with_the_sweep_and_the_noise_stays()
    {
        var (store, release) = await PublishedAsync();
        var before = await Bench.Side.ReadPartsAsync(store, release);
        var wrapped = (await Bench.Side.ReadReleaseAsync(store, release)).Secret!;
        var secret = Bench.Protector.Unprotect(Convert.FromBase64String(wrapped), Bench.Side.Services.Releases(store).SecretPurpose(release));
        var keys = new KeyRing([new("old", new byte[32]), new("new", [.. Enumerable.Range(0, 32).Select(i => (byte)i)])]);
        var old = new SecretProtector(new KeyRing([new("old", new byte[32])]));
        await ChangeAsync(store, release, document => document with { Secret = Convert.ToBase64String(old.Protect(secret, $"release secret {store}/{release}")) });

        var rotated = new SecretProtector(keys);
        var side = Bench.Side;
        var services = new StoreServices(
            side.Catalog, side.Blobs, side.Ledger, Bench.Storage.Guard, side.Directory, side.Generation, rotated, Bench.Scans, new KeyedNoiseSources(), Bench.Options, Bench.Clock,
            side.Secrets, side.Services.RowSets, side.Services.RowMemory, side.Services.KeptSums, side.Services.Instruments);
        var model = (DistanceModel)(await Bench.Side.Directory.ReadAsync(store))!.Model;
        var all = new LongBlock(Released.PartsOf(model.Parameters));
        // Answering reads the secret and writes nothing, before the sweep as after it.
        foreach (var isSwept in new[] { false, true })
        {
            if (isSwept)
                await new Sweeper(side.Catalog, side.Blobs, services, Bench.Options, Bench.Clock, Microsoft.Extensions.Logging.Abstractions.NullLogger<Sweeper>.Instance).SweepAsync(CancellationToken.None);
            var after = await services.Parts(store, release).ReadAsync(2, all, Bench.Side.PartsOf(store, release), CancellationToken.None);
            Assert.Equal(before[2], after.ToArray(before[2].Length));
            var kept = Convert.FromBase64String((await Bench.Side.ReadReleaseAsync(store, release)).Secret!);
            Assert.Equal(isSwept, rotated.IsCurrent(kept));
            Assert.Equal(secret, rotated.Unprotect(kept, $"release secret {store}/{release}"));
        }
    }

    [Fact]
    public async Task Sums_that_are_kept_outlive_the_sweep_and_go_with_the_release()
    {
        Bench.Options.SweepAfter = TimeSpan.Zero;
        var (store, release) = await PublishedAsync();
        var sweeper = new Sweeper(Bench.Side.Catalog, Bench.Side.Blobs, Bench.Side.Services, Bench.Options, Bench.Clock, Microsoft.Extensions.Logging.Abstractions.NullLogger<Sweeper>.Instance);
        await sweeper.SweepAsync(CancellationToken.None);
        Assert.Equal(3, (await Bench.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10)).Count);
        var sums = (await Bench.Side.ReadReleaseAsync(store, release)).Sums!;
        var bytes = (await Bench.Storage.Segments.ReadPartsAsync(store, BlobKind.ShardSums, sums[0].Blob, sums[0].Bytes))!;
        await Bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        // A shard that was slow stored its own once more.
        await Bench.Storage.Segments.PutPartsAsync(store, BlobKind.ShardSums, sums[0].Blob, bytes);
        await sweeper.SweepAsync(CancellationToken.None);
        Assert.Empty(await Bench.Storage.Segments.ListAsync(store, BlobKind.ShardSums, "", null, 10));
    }

    [Fact]
    public async Task Sums_in_memory_are_bounded_and_are_read_again()
    {
        var (store, release) = await PublishedAsync();
        var model = (DistanceModel)(await Bench.Side.Directory.ReadAsync(store))!.Model;
        var one = 2 * model.Dimension * sizeof(long);
        Bench.Options.SumBytes = 2 * one;
        var plan = new FaultPlan { Counts = call => call == "read ShardSums" };
        var side = Bench.With(plan);
        for (var round = 0; round < 2; round++)
        {
            for (var shard = 0; shard < 3; shard++)
            {
                await side.PartsOf(store, release).ReadAsync(shard, new LongBlock([0]), CancellationToken.None);
                Assert.InRange(side.Services.KeptSums.Bytes, one, 2 * one);
            }
        }
        Assert.Equal(6, plan.Calls);
        await side.PartsOf(store, release).ReadAsync(2, new LongBlock([0]), CancellationToken.None);
        Assert.Equal(6, plan.Calls);
        side.Services.KeptSums.Forget(store, 2);
        Assert.Equal(one, side.Services.KeptSums.Bytes);
    }

    private async Task<(StoreId Store, string Release)> PublishedAsync()
    {
        var store = await MakeAsync();
        var release = await Bench.Side.FreezeAsync(store);
        Assert.Equal(PublishOutcome.Published, await Bench.Side.PublishAsync(store, release));
        return (store, release);
    }

    private sealed class NoShards : IShardParts
    {
        public Task<PartSums> ReadAsync(int shard, LongBlock parts, CancellationToken cancellationToken) => throw new InvalidOperationException("no shard is to be asked");
    }

    /// <summary>The last shard leaves out half of what it is asked for.</summary>
    private sealed class FewSums(IShardParts shards) : IShardParts
    {
        public Task<PartSums> ReadAsync(int shard, LongBlock parts, CancellationToken cancellationToken) =>
            shards.ReadAsync(shard, shard == 2 ? new LongBlock([.. parts.Values.Take(1)]) : parts, cancellationToken);
    }
}
