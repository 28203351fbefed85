using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>A backup that is put back ends the growth of its continual releases, whether or not the ledger's witness notices.</summary>
public sealed class RestoredCopyTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-restored-");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Continual_releases_of_a_copy_that_was_put_back_grow_no_more_and_go_on_answering(bool byGrowth)
    {
        var data = _directory.CreateSubdirectory("data");
        var file = Path.Combine(_directory.FullName, "copy");
        StoreId store, other;
        string release, otherRelease;
        await using (var before = new Bench(directory: data))
        {
            (store, other) = (await before.MakeStoreAsync(Continuals.Definition()), await before.MakeStoreAsync(Continuals.Definition()));
            (release, otherRelease) = (await before.Side.FreezeAsync(store), await before.Side.FreezeAsync(other));
            await before.Side.AppendAsync(store, "b0", Samples.Rows(6, 1));
            await before.Side.GrowAsync(store, release);
            await using (var copy = await before.Storage.Backup.CreateAsync())
            await using (var target = File.Create(file))
                await copy.Content.CopyToAsync(target);
            // A block that the copy does not have.
            await before.Side.AppendAsync(store, "b1", Samples.Rows(4, 2));
            await before.Side.GrowAsync(store, release);
            Assert.Equal(2, (await before.Side.StateAsync(store, release)).ReleasedBlocks);
        }
        SqliteRestore.Restore(file, data.FullName);

        await using var after = new Bench(directory: data);
        await after.Side.AppendAsync(store, "b2", Samples.Rows(4, 3));
        var noise = new RecordingNoises();
        var side = after.With(new FaultPlan(), noise);
        if (byGrowth)
            Assert.Equal(GrowthOutcome.Settled, await side.GrowAsync(store, release));
        else
            Assert.True(await side.Services.RestoredCopy().SettleAsync(CancellationToken.None));
        Assert.Equal(GrowthOutcome.Settled, await side.GrowAsync(store, release));
        Assert.Empty(noise.Drawn);
        var document = await side.ReadReleaseAsync(store, release);
        Assert.Equal((ReleaseDocument.Published, RestoredCopy.Text, null), (document.State, document.Failure, document.Secret));
        Assert.Equal((1, 1), (document.Continual!.FrozenBlocks, document.Continual.ReleasedBlocks));
        Assert.NotEmpty(await side.NodesAsync(store, release));
        Assert.Equal(ReleaseDocument.Failed, (await side.ReadReleaseAsync(other, otherRelease)).State);

        // Once: what is published from here on grows.
        Assert.False(await side.Services.RestoredCopy().SettleAsync(CancellationToken.None));
        await side.Services.Releases(store).RetireAsync(release, "owner", CancellationToken.None);
        var next = await side.FreezeAsync(store);
        Assert.Equal(GrowthOutcome.UpToDate, await side.GrowAsync(store, next));
        Assert.Equal(2, (await side.StateAsync(store, next)).ReleasedBlocks);
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
