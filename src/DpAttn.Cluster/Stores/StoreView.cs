using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>A store as a silo uses it: the document, what is computed from it, and its releases, the newest last.</summary>
internal sealed class StoreView(StoreDocument document, StoreModel model, IReadOnlyList<ReleaseDocument> releases)
{
    public StoreDocument Document => document;

    public IReadOnlyList<ReleaseDocument> Releases => releases;

    public StoreId Id { get; } = new(document.Incarnation);

    public StoreModel Model => model;

    public StoreSchema Schema => model.Schema;

    /// <summary>The model of a store that publishes releases.</summary>
    /// <exception cref="ProblemException">conflict: this one publishes nothing.</exception>
    public ReleasedModel Released => model.AsReleased();

    public Delta Delta => model.Delta;

    /// <summary>The newest release that answers, or null.</summary>
    public ReleaseDocument? NewestPublished => releases.LastOrDefault(release => release.State == ReleaseDocument.Published);

    public ReleaseDocument? Release(string id) => releases.FirstOrDefault(release => release.Id == id);

    /// <summary>The ladder of a release of this store.</summary>
    public NoiseLadder LadderOf(ReleaseDocument release) => Released.LadderOf(release.Ladder);

    /// <summary>The ladder of tiers at these epsilons.</summary>
    public NoiseLadder LadderOf(IReadOnlyList<double> epsilons) => Released.LadderOf(epsilons);

    public ReleaseDescription Describe(ReleaseDocument release, double progress) => new()
    {
        Id = release.Id,
        State = StateOf(release),
        Progress = release.State == ReleaseDocument.Failed ? 0 : release.Continual is { } grown ? ShareOf(Describe(grown)) : release.State == ReleaseDocument.Publishing ? progress : 1,
        Slots = release.CoveredSlots,
        Continual = release.Continual is { } state ? Describe(state) : null,
        Tiers = [.. LadderOf(release).Tiers.Select((tier, t) => new TierDescription(t, tier.Epsilon.Value, Delta.Value, tier.Cost.ToMu().Value))],
        Created = release.Created,
        Failure = release.Failure,
    };

    /// <summary>A continual release is published as long as none of its blocks waits to be its first: whoever waits for a publish waits for what is closed, not for rows to come.</summary>
    private string StateOf(ReleaseDocument release) =>
        release is { State: ReleaseDocument.Publishing, Continual: { } state } && Describe(state).BlocksClosed == 0 ? ReleaseDocument.Published : release.State;

    private static double ShareOf(ContinualDescription grown) => grown.BlocksClosed == 0 ? 1 : (double)grown.BlocksReleased / grown.BlocksClosed;

    private ContinualDescription Describe(ContinualState state)
    {
        var tree = ((TreeModel)model).Tree;
        var open = OpenSlots.Of(tree, state, Math.Max(document.Slots, state.FrozenSlots));
        var closed = OpenSlots.ClosedBlocks(tree, state, Math.Max(document.Slots, state.FrozenSlots));
        return new ContinualDescription(closed, state.ReleasedBlocks, closed > open.Block ? 0 : open.Slots, tree.BlockRows, tree.Tree.Leaves, state.IsFull);
    }
}
