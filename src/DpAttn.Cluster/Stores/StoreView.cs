using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>A store as a silo uses it: the document, what is computed from it, and its releases, the newest last.</summary>
internal sealed class StoreView
{
    public StoreView(StoreDocument document, MomentParameters parameters, IReadOnlyList<ReleaseDocument> releases)
    {
        Document = document;
        Releases = releases;
        Id = new StoreId(document.Incarnation);
        Parameters = parameters;
        Delta = new Delta(document.Definition.Delta);
        Ladders = releases.ToDictionary(release => release.Id, release => SchemaFactory.Ladder(Parameters, release.Ladder, Delta));
    }

    public StoreDocument Document { get; }

    public IReadOnlyList<ReleaseDocument> Releases { get; }

    public StoreId Id { get; }

    public MomentParameters Parameters { get; }

    public Delta Delta { get; }

    /// <summary>The ladder of every release.</summary>
    public IReadOnlyDictionary<string, NoiseLadder> Ladders { get; }

    public ReleaseDocument? Release(string id) => Releases.FirstOrDefault(release => release.Id == id);

    /// <summary>The newest release that answers, or null.</summary>
    public ReleaseDocument? NewestPublished => Releases.LastOrDefault(release => release.State == ReleaseDocument.Published);

    public ReleaseDescription Describe(ReleaseDocument release, double progress) => new()
    {
        Id = release.Id,
        State = release.State,
        Progress = release.State == ReleaseDocument.Publishing ? progress : release.State == ReleaseDocument.Failed ? 0 : 1,
        Slots = release.Slots,
        Tiers = [.. Ladders[release.Id].Tiers.Select((tier, t) => new TierDescription(t, tier.Epsilon.Value, Delta.Value, tier.Cost.ToMu().Value))],
        Created = release.Created,
        Failure = release.Failure,
    };
}
