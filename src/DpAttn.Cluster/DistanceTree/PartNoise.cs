using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The one place where a release's exact parts get their noise, without Orleans: asks all shards once for all parts, adds their integers, and adds to each part the noise of its address.
/// Exact integers come in and never leave. However often a part is asked for, and wherever, it gets the same noise.
/// </summary>
internal sealed class PartNoise(
    StoreId store, string releaseId, ICatalog catalog, StoreDirectory directory, ReleaseBook releases, Generation generation, ScanScheduler scans, INoiseSources noise, FanOut fanOut)
{
    // About a quarter of a second: uploads wait for the same threads.
    private const int NumbersPerPiece = 1 << 16;

    // A release that is retired, or a store that is deleted, raises the generation.
    private readonly EpochCache<string, Opened> _opened = new(generation, mostEntries: 1);

    /// <summary>The noised integers of parts, one after another: for each copy, dv + 1 columns.</summary>
    /// <param name="tier">The tier.</param>
    /// <param name="parts">The parts.</param>
    /// <param name="shards">All shards of the store.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProblemException">not_found: no published release of a distance-tree has this tier; shard_unavailable: a shard did not answer, and nothing is released.</exception>
    /// <exception cref="StorageException">The release cannot be read, or this version would draw other noise for it.</exception>
    /// <exception cref="ArgumentException">A part that the mechanism does not have, or more than one message holds.</exception>
    public async Task<PartSums> ReadAsync(int tier, LongBlock parts, IShardParts shards, CancellationToken cancellationToken)
    {
        var opened = (await _opened.GetAsync(releaseId, _ => OpenAsync(cancellationToken)))!;
        if (tier < 0 || tier >= opened.Tiers.Length)
            throw NotFound($"the store has no published release {releaseId} with a tier {tier}");
        if (parts.Values.Length > opened.Model.PartsPerCall)
            throw new ArgumentException($"at most {opened.Model.PartsPerCall} parts are noised at once, not {parts.Values.Length}");
        // Before any shard is asked: what is no part has no sums.
        foreach (var part in parts.Values)
            _ = opened.Model.Parameters.MultiplierOf(part);
        var columns = opened.Model.Parameters.Columns;
        var exact = new long[checked(parts.Values.Length * columns)];
        await fanOut.RunAsync(opened.Shards, (shard, token) => shards.ReadAsync(shard, parts, token), (shard, sums) => sums.AddTo(exact, shard), cancellationToken);

        var numbers = opened.Model.NumbersPerPart;
        var noised = new long[checked(parts.Values.Length * numbers)];
        var size = Math.Max(1, NumbersPerPiece / numbers);
        for (var start = 0; start < parts.Values.Length; start += size)
        {
            var (from, to) = (start, Math.Min(start + size, parts.Values.Length));
            await scans.RunWhenFreeAsync(
                () =>
                {
                    for (var i = from; i < to; i++)
                        opened.Tiers[tier].Noise(parts.Values[i], exact.AsSpan(i * columns, columns), noised.AsSpan(i * numbers, numbers));
                    return to - from;
                },
                cancellationToken);
        }
        return PartSums.Of(noised);
    }

    private async Task<Opened?> OpenAsync(CancellationToken cancellationToken)
    {
        var read = await catalog.ReadAsync(Documents.Release, Documents.Below(store, releaseId), cancellationToken);
        var document = (await catalog.ReadAsync(Documents.Store, store.Value, cancellationToken))?.Value;
        if (read is not { Value: { State: ReleaseDocument.Published, Sums: not null } } || document is not { State: StoreDocument.Active } || directory.ModelOf(document) is not DistanceModel model)
            throw NotFound($"the store has no published release {releaseId} that answers from its shards");
        // That this version draws the very noise that the release was frozen with.
        _ = await releases.ReadManifestAsync(read.Value, document, cancellationToken);
        var source = noise.Of(releases.ReadKey(read.Value));
        return new Opened(model, document.Definition.Shards, model.NoiseOf(model.LadderOf(read.Value.Ladder), source));
    }

    private static ProblemException NotFound(string why) => new(ProblemCodes.NotFound, why);

    private sealed record Opened(DistanceModel Model, int Shards, DistanceTreeNoise[] Tiers);
}
