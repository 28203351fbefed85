using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A publish ends with the one release that its manifest and secret determine, whatever fails on the way, or says why it never will.</summary>
public abstract class PublishJobContract(string mechanism) : IAsyncDisposable
{
    private static readonly RowBatch[] Batches = [Samples.Rows(40, 1), Samples.Rows(25, 2), Samples.Rows(13, 3)];
    private readonly Bench _bench = new();

    private protected Bench Bench => _bench;

    /// <summary>Whether the release answers from its shards' sums, and so keeps its secret.</summary>
    private bool KeepsSecret => mechanism == DistanceTreeRelease.Mechanism;

    /// <summary>
    /// Every call of the storage in turn fails before it does anything, after it was done, or is not heard of again while another process resumes the publish;
    /// afterwards the release is published, with the bytes that its manifest and secret determine, and no address of noise ever had two values.
    /// </summary>
    [Theory]
    [InlineData(Fault.Before)]
    [InlineData(Fault.After)]
    [InlineData(Fault.Hang)]
    public async Task A_publish_that_stops_at_any_call_of_the_storage_is_resumed_and_ends_with_the_same_bytes(Fault fault)
    {
        var failed = 0;
        for (var call = 1; ; call++)
        {
            var store = await MakeAsync();
            var release = await _bench.Side.FreezeAsync(store);
            var expected = await ExpectedAsync(store, release);
            var plan = new FaultPlan { FailingCall = call, Fault = fault };
            var noise = new RecordingNoises();
            var stopped = _bench.With(plan, noise).PublishAsync(store, release);
            await Task.WhenAny(stopped, plan.Hanging);
            if (!plan.HasFailed)
            {
                Assert.Equal(PublishOutcome.Published, await stopped);
                break;
            }
            failed++;

            var resumed = await _bench.With(new FaultPlan(), noise).PublishAsync(store, release);
            Assert.Contains(resumed, new[] { PublishOutcome.Published, PublishOutcome.Settled });
            var document = await _bench.Side.ReadReleaseAsync(store, release);
            Assert.Equal(ReleaseDocument.Published, document.State);
            Assert.Equal(KeepsSecret, document.Secret is not null);
            Assert.Equal(expected, await _bench.With(new FaultPlan(), noise).ReadNodesAsync(store, release));

            // The process that was stopped wakes up: what it still does changes nothing.
            plan.Release();
            try
            {
                var outcome = await stopped;
                Assert.True(outcome == (resumed == PublishOutcome.Published ? PublishOutcome.Settled : PublishOutcome.Published));
            }
            catch (Exception e) when (fault != Fault.Hang && e is StorageException or ProblemException)
            {
            }
            var after = await _bench.Side.ReadReleaseAsync(store, release);
            Assert.Equal(document.Nodes, after.Nodes);
            Assert.Equal(document.Sums, after.Sums);
            Assert.Equal(expected, await _bench.With(new FaultPlan(), noise).ReadNodesAsync(store, release));
            noise.OnePerAddress();
            Assert.Empty(await _bench.Storage.Catalog.ListAsync(Documents.Job.Name, Documents.Under(store), null, 10));
        }
        Assert.True(failed > 20, $"only {failed} calls failed: the test says little");
    }

    [Fact]
    public async Task Freezing_that_stops_at_any_call_of_the_storage_makes_one_release_for_one_request()
    {
        foreach (var fault in new[] { Fault.Before, Fault.After, Fault.Hang })
        {
            for (var call = 1; ; call++)
            {
                var store = await MakeAsync();
                var plan = new FaultPlan { FailingCall = call, Fault = fault };
                var stopped = _bench.With(plan).FreezeAsync(store, "p1");
                await Task.WhenAny(stopped, plan.Hanging);
                if (!plan.HasFailed)
                    break;
                var release = await _bench.Side.FreezeAsync(store, "p1");
                plan.Release();
                try
                {
                    Assert.Equal(release, await stopped);
                }
                catch (StorageException) when (fault != Fault.Hang)
                {
                }
                Assert.Equal(release, Assert.Single(await _bench.Side.Directory.ReleasesAsync(store)).Id);
                var expected = await ExpectedAsync(store, release);
                Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, release));
                Assert.Equal(expected, await _bench.Side.ReadNodesAsync(store, release));
            }
        }
    }

    [Fact]
    public async Task Two_publishes_of_one_release_end_as_one_and_serve_what_was_stored_first()
    {
        for (var round = 0; round < 30; round++)
        {
            var store = await MakeAsync();
            var release = await _bench.Side.FreezeAsync(store);
            var expected = await ExpectedAsync(store, release);
            var noise = new RecordingNoises();
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => _bench.With(new FaultPlan(), noise).PublishAsync(store, release))));
            Assert.Single(outcomes, PublishOutcome.Published);
            Assert.Equal(2, outcomes.Count(outcome => outcome == PublishOutcome.Settled));
            Assert.Equal(expected, await _bench.Side.ReadNodesAsync(store, release));
            noise.OnePerAddress();
        }
    }

    [Fact]
    public async Task A_missing_segment_fails_the_release_with_its_name_and_leaves_nothing()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        var blob = (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 1))[0].Key;
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Segment, blob.Id);
        await RequireFailedAsync(store, release, $"segment {blob.Id} is missing");
    }

    [Fact]
    public async Task Another_segment_under_the_same_name_fails_the_release()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        var blob = (await _bench.Storage.Segments.ListAsync(store, BlobKind.Segment, "", null, 1))[0].Key;
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Segment, blob.Id);
        await _bench.Storage.Segments.PutAsync(blob, SegmentCodec.Encode(Samples.Rows(40, 99), 0, 40));
        await RequireFailedAsync(store, release, "is not the one that was frozen");
    }

    [Fact]
    public async Task A_missing_manifest_fails_the_release()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Storage.Segments.DeleteAsync(store, BlobKind.Manifest, (await _bench.Side.ReadReleaseAsync(store, release)).Manifest);
        await RequireFailedAsync(store, release, "the manifest is missing");
    }

    [Fact]
    public async Task A_manifest_that_this_version_cannot_read_fails_the_release()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        var bytes = "{\"format\":9}"u8.ToArray();
        await _bench.Storage.Segments.PutPartsAsync(store, BlobKind.Manifest, ReleaseManifest.IdOf(bytes), bytes);
        await ChangeAsync(store, release, document => document with { Manifest = ReleaseManifest.IdOf(bytes), ManifestBytes = bytes.Length });
        await RequireFailedAsync(store, release, "cannot be read by this version");
    }

    [Fact]
    public async Task Another_noise_binding_fails_the_release_and_draws_no_noise()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        await ChangeAsync(store, release, document => document with { NoiseBinding = new string('0', 64) });
        await RequireFailedAsync(store, release, "lattice or sampler");
    }

    [Fact]
    public async Task Another_sampler_version_fails_the_release_and_draws_no_noise()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        await ChangeManifestAsync(store, release, manifest => manifest with { SamplerVersion = KeyedNoise.SamplerVersion + 1 });
        await RequireFailedAsync(store, release, "lattice or sampler");
    }

    [Fact]
    public async Task Another_ladder_in_the_row_than_in_the_manifest_fails_the_release_and_draws_no_noise()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        await ChangeAsync(store, release, document => document with { Ladder = [0.5, 1, 3] });
        await RequireFailedAsync(store, release, "belongs to another release");
    }

    [Fact]
    public async Task A_definition_that_this_version_refuses_fails_the_release()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Store, store.Value))!;
        var other = row.Value with { Definition = row.Value.Definition with { Mechanism = new MechanismDefinition("of-a-later-version") } };
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Store.Update(row, other)] }));
        var side = _bench.With(new FaultPlan());
        Assert.Equal(PublishOutcome.Failed, await side.PublishAsync(store, release));
        Assert.Contains("lattice or sampler", (await side.ReadReleaseAsync(store, release)).Failure);
    }

    [Fact]
    public async Task A_row_that_this_version_refuses_fails_the_release_without_telling_a_number_of_it()
    {
        // Stored past the front door, as a binary with other checks might have done.
        var store = await _bench.MakeStoreAsync(Samples.Of(mechanism));
        var rows = Samples.Rows(10, 1);
        rows.Keys.Single![4, 0] = 7.654321f;
        await _bench.Side.AppendAsync(store, "b", rows);
        var release = await _bench.Side.FreezeAsync(store);
        var failure = await RequireFailedAsync(store, release, "holds a row that this version refuses");
        Assert.DoesNotContain("7.6", failure);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("no base64")]
    [InlineData("AAAA")]
    public async Task A_secret_that_is_gone_or_damaged_fails_the_release(string? secret)
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        await ChangeAsync(store, release, document => document with { Secret = secret });
        await RequireFailedAsync(store, release, "secret");
    }

    [Fact]
    public async Task A_secret_of_another_release_fails_the_release()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        var other = (await _bench.Side.ReadReleaseAsync(store, await _bench.Side.FreezeAsync(store))).Secret;
        await ChangeAsync(store, release, document => document with { Secret = other });
        Assert.Equal(PublishOutcome.Failed, await _bench.Side.PublishAsync(store, release));
        Assert.Contains("another purpose", (await _bench.Side.ReadReleaseAsync(store, release)).Failure);
    }

    [Fact]
    public async Task A_secret_whose_wrapping_key_is_away_waits_for_it()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        var wrapped = (await _bench.Side.ReadReleaseAsync(store, release)).Secret;
        var elsewhere = new SecretProtector(new KeyRing([new("elsewhere", new byte[32])]));
        await ChangeAsync(store, release, document => document with { Secret = Convert.ToBase64String(elsewhere.Protect(new byte[32], "x")) });
        await Assert.ThrowsAsync<StorageRefusedException>(() => _bench.Side.PublishAsync(store, release));
        Assert.Equal(ReleaseDocument.Publishing, (await _bench.Side.ReadReleaseAsync(store, release)).State);
        await ChangeAsync(store, release, document => document with { Secret = wrapped });
        Assert.Equal(PublishOutcome.Published, await _bench.Side.PublishAsync(store, release));
    }

    [Fact]
    public async Task A_publish_of_a_deleted_store_ends_without_a_trace()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.DeleteDuringAsync(store, "put ShardSums", async side =>
        {
            try
            {
                // Failed: of a shard that found its segments gone before the release's row was.
                Assert.NotEqual(PublishOutcome.Published, await side.PublishAsync(store, release));
            }
            catch (ProblemException)
            {
                // A shard that found its release gone.
            }
        });
        Assert.Empty(await _bench.Side.Directory.ReleasesAsync(store));
    }

    [Fact]
    public async Task A_release_that_is_not_being_published_is_left_alone()
    {
        var store = await MakeAsync();
        Assert.Equal(PublishOutcome.Settled, await _bench.Side.PublishAsync(store, "r000001"));
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Side.PublishAsync(store, release);
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal(PublishOutcome.Settled, await _bench.Side.PublishAsync(store, release));
        await _bench.Side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        Assert.Equal(PublishOutcome.Settled, await _bench.Side.PublishAsync(store, release));
        Assert.Equal(document.Nodes, (await _bench.Side.ReadReleaseAsync(store, release)).Nodes);
        var retired = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal((null, null), (retired.Secret, retired.Sums));
        foreach (var kind in new[] { BlobKind.ShardSums, BlobKind.Node })
            Assert.Empty(await _bench.Storage.Segments.ListAsync(store, kind, "", null, 10));
    }

    [Fact]
    public async Task Progress_rises_from_zero_to_one()
    {
        var store = await MakeAsync();
        var release = await _bench.Side.FreezeAsync(store);
        PublishJob? job = null;
        var seen = new List<double>();
        var plan = new FaultPlan { Counts = _ => { lock (seen) seen.Add(job?.Progress ?? 0); return false; } };
        var side = _bench.With(plan);
        job = side.Services.Publish(store, release);
        Assert.Equal(0, job.Progress);
        Assert.Equal(PublishOutcome.Published, await job.RunAsync(side.ShardsOf(store, release), CancellationToken.None));
        Assert.Equal(1, job.Progress);
        Assert.Equal(seen.Order(), seen);
        // Where nothing is stored after the sums, they are the last that is seen.
        Assert.Contains(seen, progress => KeepsSecret ? progress == 0.9 : progress is > 0.9 and < 1);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _bench.DisposeAsync();
    }

    private protected async Task<StoreId> MakeAsync()
    {
        var store = await _bench.MakeStoreAsync(Samples.Of(mechanism));
        for (var i = 0; i < Batches.Length; i++)
            await _bench.Side.AppendAsync(store, $"b{i}", Batches[i]);
        return store;
    }

    /// <summary>What the library publishes from the frozen rows under the frozen secret: computed from the segments, past the classes under test.</summary>
    private protected async Task<List<long[]>> ExpectedAsync(StoreId store, string release)
    {
        var view = (await _bench.Side.Directory.ReadAsync(store))!;
        var rows = new List<(RowSet, bool)>();
        await foreach (var segment in _bench.Storage.Catalog.ListAsync(Documents.Segment, Documents.Under(store)))
        {
            var (part, clip) = SegmentCodec.Decode((await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Segment, segment.Value.Blob)))!, view.Schema);
            rows.Add((part!, clip));
        }
        return Released.Of(view.Document.Definition, rows, view.Release(release)!.Ladder, await _bench.Side.ReadKeyAsync(store, release));
    }

    private async Task<string> RequireFailedAsync(StoreId store, string release, string why)
    {
        var noise = new RecordingNoises();
        var side = _bench.With(new FaultPlan(), noise);
        // What a shard stores after a failure is settled goes with the sweep only.
        Assert.Equal(PublishOutcome.Failed, await side.Services.Publish(store, release).RunAsync(new EndedShards(side.ShardsOf(store, release)), CancellationToken.None));
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal(ReleaseDocument.Failed, document.State);
        Assert.Contains(why, document.Failure);
        Assert.Null(document.Secret);
        Assert.Empty(noise.Drawn);
        Assert.Empty(await _bench.Storage.Catalog.ListAsync(Documents.Job.Name, Documents.Under(store), null, 10));
        foreach (var kind in new[] { BlobKind.ShardSums, BlobKind.Node })
            Assert.Empty(await _bench.Storage.Segments.ListAsync(store, kind, "", null, 10));
        Assert.Null(await _bench.Storage.Segments.ReadAsync(new BlobKey(store, BlobKind.Manifest, document.Manifest)));
        Assert.Equal(PublishOutcome.Settled, await _bench.Side.PublishAsync(store, release));
        return document.Failure!;
    }

    private protected async Task ChangeAsync(StoreId store, string release, Func<ReleaseDocument, ReleaseDocument> change)
    {
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Release, Documents.Below(store, release)))!;
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Release.Update(row, change(row.Value))] }));
    }

    private async Task ChangeManifestAsync(StoreId store, string release, Func<ReleaseManifest, ReleaseManifest> change)
    {
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        var bytes = await _bench.Storage.Segments.ReadPartsAsync(store, BlobKind.Manifest, document.Manifest, document.ManifestBytes);
        var changed = change(ReleaseManifest.Parse(bytes, document.Manifest)).ToBytes();
        await _bench.Storage.Segments.PutPartsAsync(store, BlobKind.Manifest, ReleaseManifest.IdOf(changed), changed);
        await ChangeAsync(store, release, row => row with { Manifest = ReleaseManifest.IdOf(changed), ManifestBytes = changed.Length });
    }
}
