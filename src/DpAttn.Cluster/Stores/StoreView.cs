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
        State = release.State,
        Progress = release.State == ReleaseDocument.Publishing ? progress : release.State == ReleaseDocument.Failed ? 0 : 1,
        Slots = release.CoveredSlots,
        Continual = release.Continual is { } state ? Describe(state) : null,
        Tiers = [.. LadderOf(release).Tiers.Select((tier, t) => new TierDescription(t, tier.Epsilon.Value, Delta.Value, tier.Cost.ToMu().Value))],
        Created = release.Created,
        Failure = release.Failure,
    };

    private ContinualDescription Describe(ContinualState state)
    {
        var tree = ((TreeModel)model).Tree;
        var open = OpenSlots.Of(tree, state, Math.Max(document.Slots, state.FrozenSlots));
        var closed = OpenSlots.ClosedBlocks(tree, state, Math.Max(document.Slots, state.FrozenSlots));
        return new ContinualDescription(closed, state.ReleasedBlocks, closed > open.Block ? 0 : open.Slots, tree.BlockRows, tree.Tree.Leaves, state.IsFull);
    }
}
