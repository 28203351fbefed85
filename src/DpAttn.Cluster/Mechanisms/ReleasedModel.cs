using System.Collections.Concurrent;
using System.Numerics;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// A mechanism that publishes: the exact sums of frozen rows get their noise once, at every tier of a ladder, and whatever is computed from a tier is
/// post-processing. Calibrating a ladder takes milliseconds and is done once. Where the noise is added is the difference between its kinds: all of it when the
/// release is published (<see cref="StoredModel"/>, and <see cref="TreeModel"/> node by node), or part by part when a part is first asked for (<see cref="DistanceModel"/>).
/// </summary>
internal abstract class ReleasedModel(StoreDefinition definition, StoreSchema schema) : StoreModel(definition, schema)
{
    private const int MostLadders = 256;
    private readonly ConcurrentDictionary<string, NoiseLadder> _ladders = new();

    /// <summary>How many integers the exact sums have.</summary>
    public abstract long Dimension { get; }

    /// <summary>Products that answering one query takes: what is answered in one call is bounded by it.</summary>
    public abstract long ProductsPerQuery { get; }

    /// <summary>Products that adding one row takes.</summary>
    public abstract long ProductsPerRow { get; }

    /// <summary>The ladder of tiers at these epsilons.</summary>
    /// <exception cref="ArgumentException">Not a ladder of this store.</exception>
    public NoiseLadder LadderOf(IReadOnlyList<double> epsilons)
    {
        var key = string.Join(' ', epsilons.Select(epsilon => epsilon.ToString("R")));
        if (_ladders.TryGetValue(key, out var known))
            return known;
        if (_ladders.Count >= MostLadders)
            _ladders.Clear();
        return _ladders.GetOrAdd(key, Calibrate(epsilons));
    }

    public override PrivacyAmount PriceOf(int tier) => LadderOf(Definition.Ladder).Open(tier);

    public override void RequireRoom(PrivacyLimit limit) => limit.RequireRoomFor(LadderOf(Definition.Ladder));

    /// <summary>What the noise of a release is bound to: schema, parameters, lattice, ladder, sampler and frozen rows.</summary>
    /// <param name="ladder">The ladder.</param>
    /// <param name="slots">Slots in the release.</param>
    /// <param name="rows">The digest of what was frozen.</param>
    public abstract byte[] Bind(NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows);

    /// <summary>Adds rows to exact sums of <see cref="Dimension"/> integers. The order and the grouping of rows do not matter.</summary>
    /// <exception cref="ArgumentException">A row that this version does not sum.</exception>
    public abstract void AddTo(ExactSums sums, RowSet rows, bool clip, CancellationToken cancellationToken);

    /// <summary>The machine-readable claim of a release.</summary>
    public abstract PrivacyStatement Describe(PrivacyClaim claim);

    /// <summary>What every statement says, with the mechanism's figures.</summary>
    protected PrivacyStatement Describe(PrivacyClaim claim, LatticeFigures figures) => new()
    {
        Store = claim.Store.Name,
        Incarnation = claim.Store.Incarnation,
        Release = claim.Release.Id,
        Adjacency = Definition.Adjacency,
        Mechanism = Definition.Mechanism,
        Definition = Definition,
        Delta = Delta.Value,
        Sensitivity = figures.Sensitivity,
        SensitivitySteps = figures.SensitivitySteps.ToString(),
        FeatureExponent = figures.FeatureExponent,
        ValueExponent = figures.ValueExponent,
        GammaSteps = figures.GammaSteps,
        Features = figures.Features,
        Dimension = figures.Dimension,
        KernelCoefficients = figures.KernelCoefficients,
        KernelRelativeError = figures.KernelRelativeError,
        Tiers = [.. claim.Ladder.Tiers.Select((tier, t) => new TierStatement(t, tier.Epsilon.Value, tier.Variance.ToString(), tier.Increment.ToString(), tier.Cost.MuSquared, tier.Cost.Slack))],
        GaussianShareOfDelta = NoiseLadder.GaussianShareOfDelta,
        SamplerVersion = KeyedNoise.SamplerVersion,
        Slots = claim.Release.CoveredSlots,
        ManifestDigest = claim.Release.Manifest,
        NotProtected = claim.NotProtected,
    };

    protected abstract NoiseLadder Calibrate(IReadOnlyList<double> epsilons);
}

/// <summary>A mechanism whose released integers, as many as its sums have at every tier, are computed once and stored.</summary>
internal abstract class StoredModel(StoreDefinition definition, StoreSchema schema) : ReleasedModel(definition, schema)
{
    /// <summary>The exact sums with the noise of every tier, the noisiest first: what is released.</summary>
    public abstract IReadOnlyList<long[]> AddNoise(ExactSums sums, NoiseLadder ladder, INoiseSource noise);

    /// <summary>Answers from a released tier.</summary>
    /// <param name="values">Its integers.</param>
    /// <param name="slots">The slots that were summed.</param>
    /// <param name="tier">The tier.</param>
    /// <param name="ladder">The release's ladder.</param>
    public abstract ITierAnswers AnswersOf(long[] values, long slots, int tier, NoiseLadder ladder);
}

/// <summary>Exact sums of some slots: private, and never sent anywhere but to where noise is added.</summary>
internal sealed class ExactSums(long[] values, long slots)
{
    public long[] Values => values;

    /// <summary>The slots that were summed, null ones included: a public count.</summary>
    public long Slots { get; set; } = slots;

    /// <summary>SHA-256 of the sums as they are persisted, where a release answers from them; null otherwise.</summary>
    public byte[]? Digest { get; set; }

    public static ExactSums Empty(ReleasedModel model) => new(new long[model.Dimension], 0);
}

/// <summary>Answers queries from one released tier: post-processing, for free. Thread-safe.</summary>
internal interface ITierAnswers
{
    /// <summary>Bytes that it holds.</summary>
    long Bytes { get; }

    /// <summary>dv.</summary>
    int Columns { get; }

    /// <summary>Answers queries.</summary>
    /// <param name="queries">m x d.</param>
    /// <param name="clip">Whether a query outside is moved to the nearest point inside.</param>
    /// <param name="parts">Where the noised parts of a release come from whose tiers are not stored.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<AttentionAnswer[]> AnswerAsync(Matrix<double> queries, bool clip, INoisedParts parts, CancellationToken cancellationToken);
}

/// <summary>What a statement says of a mechanism's lattice, sensitivity and kernel; the members are those of <see cref="PrivacyStatement"/>.</summary>
internal sealed record LatticeFigures(
    double Sensitivity,
    BigInteger SensitivitySteps,
    int FeatureExponent,
    int ValueExponent,
    long GammaSteps,
    int Features,
    long Dimension,
    IReadOnlyList<double> KernelCoefficients,
    double KernelRelativeError);

/// <summary>What a statement says of a store and a release, whatever the mechanism.</summary>
internal sealed record PrivacyClaim(StoreDocument Store, ReleaseDocument Release, NoiseLadder Ladder, IReadOnlyList<string> NotProtected);
