using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>
/// A continual store from blocks of rows to released nodes as replaceable parts, so that a fault can be planted in one of them, and the checks that the product passes and every fault
/// must fail.
/// </summary>
internal sealed record ContinualPipeline
{
    public required ContinualFrame Frame { get; init; }

    /// <summary>The rows of each block, in the order of arrival.</summary>
    public required RowSet[] Blocks { get; init; }

    /// <summary>A node's noise under a release's secret.</summary>
    public required Func<byte[], NodeManifest, INoiseSource> Noise { get; init; }

    /// <summary>The store, over exact sums of frozen blocks.</summary>
    public required Func<Func<BlockManifest, MomentMatrix>, MemoryContinualStore> NewStore { get; init; }

    /// <summary>Closes the next block: slots and the digest of its rows.</summary>
    public required Func<ContinualRelease, MemoryContinualStore, int, byte[], Task> Close { get; init; }

    public static ContinualPipeline Product(ContinualFrame frame, RowSet[] blocks) => new()
    {
        Frame = frame,
        Blocks = blocks,
        Noise = (secret, manifest) => new KeyedNoise(manifest.Key(secret)),
        NewStore = sumOf => new MemoryContinualStore(sumOf),
        Close = (release, _, slots, digest) => release.CloseAsync(slots, digest),
    };

    /// <summary>All blocks arrive one by one; the process crashes at any step with a chance, and another one resumes. Calls back after each block that is released.</summary>
    public async Task<MemoryContinualStore> RunAsync(byte[] secret, double crashChance, int seed, Action<TreeExtent, MemoryContinualStore>? released = null)
    {
        var digests = Blocks.Select(block => RowDigest.Of(block)).ToArray();
        var exact = Blocks.Zip(digests).ToDictionary(pair => Convert.ToHexString(pair.Second), pair => MomentAccumulator.Sum(Frame.Tree.Moments, pair.First));
        var store = NewStore(block => exact[Convert.ToHexString(block.Rows)]);
        var random = new Random(seed);
        store.Crashes = () => random.NextDouble() < crashChance;
        ContinualRelease? release = null;
        for (var seen = 0L; seen < Blocks.Length;)
        {
            try
            {
                release ??= await ContinualRelease.OpenAsync(Frame, store, manifest => Noise(secret, manifest), TestContext.Current.CancellationToken);
                var next = (int)release.Extent.Blocks;
                if (next < Blocks.Length)
                    await Close(release, store, Blocks[next].Count, digests[next]);
            }
            catch (CrashException)
            {
                // What was in memory is gone.
                release = null;
                continue;
            }
            for (; seen < release.Extent.Blocks; seen++)
                released?.Invoke(new TreeExtent(seen + 1, release.Extent.IsFinished && seen + 1 == release.Extent.Blocks), store);
        }
        store.Crashes = () => false;
        return store;
    }

    /// <summary>Every node that was ever stored had all its rows, frozen first, and holds them and its own noise: that of the key of its own manifest, at its own address.</summary>
    public async Task<bool> EveryNodeHasItsRowsAndItsOwnNoiseAsync(byte[] secret)
    {
        var store = await RunAsync(secret, 0.02, 1);
        var tree = Frame.Tree;
        foreach (var (node, frozen) in store.Journal)
        {
            var (from, to) = tree.Tree.LeavesOf(node.Node);
            if (!tree.IsReleased(node.Node, new TreeExtent(frozen, frozen == Blocks.Length && IsFull)))
                return false;
            var exact = Exact(from, Math.Min(to, Blocks.Length));
            var noise = new long[exact.Sums.Length];
            new LadderTreeNoise(new KeyedNoise(Manifest(store.Blocks, node.Node).Key(secret)), Frame.Ladder, MomentRelease.Mechanism, node.Moments.Tier).AddTo(node.Node, noise);
            if (node.Moments.Slots != exact.Slots || !node.Moments.Values.Zip(exact.Sums, (x, y) => x - y).SequenceEqual(noise))
                return false;
        }
        return true;
    }

    /// <summary>Two row sets that differ in one block, under one secret: nodes that hold it share no noise, all others are the same bits.</summary>
    public async Task<bool> NoTwoRowSetsShareNoiseAsync(byte[] secret, int changed, RowSet other)
    {
        var neighbour = this with { Blocks = [.. Blocks.Select((block, i) => i == changed ? other : block)] };
        var (left, right) = (await RunAsync(secret, 0, 1), await neighbour.RunAsync(secret, 0, 1));
        foreach (var node in left.Nodes)
        {
            var (from, to) = Frame.Tree.Tree.LeavesOf(node.Node);
            var same = right.Read(node.Node, node.Moments.Tier)!.Moments.Values;
            if (changed < from || changed >= to)
            {
                if (!node.Moments.Values.SequenceEqual(same))
                    return false;
                continue;
            }
            var mine = node.Moments.Values.Zip(Exact(from, Math.Min(to, Blocks.Length)).Sums, (x, y) => x - y);
            var theirs = same.Zip(neighbour.Exact(from, Math.Min(to, Blocks.Length)).Sums, (x, y) => x - y);
            // A value of a deviation above 2^24 steps coincides by chance with probability below 2^-25.
            if (mine.Zip(theirs).Count(pair => pair.First == pair.Second) > 1)
                return false;
        }
        return true;
    }

    /// <summary>No node's tier was ever offered with two different values, and what was stored first is there at the end.</summary>
    public async Task<bool> NoNodeIsReleasedTwiceWithDifferentNoiseAsync(byte[] secret)
    {
        var store = await RunAsync(secret, 0.02, 2);
        return store.Journal.GroupBy(entry => (entry.Node.Node, entry.Node.Moments.Tier)).All(group =>
            group.All(entry => entry.Node.Moments.Values.SequenceEqual(group.First().Node.Moments.Values))
            && store.Read(group.Key.Node, group.Key.Tier)!.Moments.Values.SequenceEqual(group.First().Node.Moments.Values));
    }

    /// <summary>The manifest of a node, put together from the frozen blocks alone.</summary>
    public NodeManifest Manifest(IReadOnlyList<BlockManifest> frozen, long node)
    {
        var (from, to) = Frame.Tree.Tree.LeavesOf(node);
        if (to - from == 1)
            return NodeManifest.Of(Frame, frozen[(int)from]);
        var middle = (from + to) / 2;
        return NodeManifest.Of(Manifest(frozen, 2 * node), middle < frozen.Count ? Manifest(frozen, 2 * node + 1) : null);
    }

    public MomentMatrix Exact(long from, long to)
    {
        var total = MomentMatrix.Empty(Frame.Tree.Moments);
        for (var block = from; block < to; block++)
            total.Add(MomentAccumulator.Sum(Frame.Tree.Moments, Blocks[block]));
        return total;
    }

    private bool IsFull => Blocks.Sum(block => (long)block.Count) == Frame.Tree.Moments.Schema.Capacity;

    public static byte[] Secret(int number) => SHA256.HashData(BitConverter.GetBytes(number));
}
