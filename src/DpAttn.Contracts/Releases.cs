namespace DpAttn.Contracts;

/// <summary>Asks for a release of all rows committed so far; in a continual store, for the one release that grows with it.</summary>
/// <param name="Ladder">Tiers of this release; null for the store's.</param>
public sealed record PublishRequest(IReadOnlyList<double>? Ladder = null);

/// <summary>One tier of a release.</summary>
/// <param name="Tier">Counted from 0, the noisiest first.</param>
/// <param name="Epsilon">What it costs a user who holds nothing of the release.</param>
/// <param name="Delta">At this delta.</param>
/// <param name="Mu">Its mu.</param>
public sealed record TierDescription(int Tier, double Epsilon, double Delta, double Mu);

/// <summary>A release and how far its publish is.</summary>
public sealed record ReleaseDescription
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>publishing, published, retired or failed.</summary>
    public required string State { get; init; }

    /// <summary>From 0 to 1, of a publish under way.</summary>
    public required double Progress { get; init; }

    /// <summary>Slots in it; of a continual release those that are released so far.</summary>
    public required long Slots { get; init; }

    /// <summary>Its tiers.</summary>
    public required IReadOnlyList<TierDescription> Tiers { get; init; }

    /// <summary>When it was frozen, UTC.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Why it failed, or why a continual release grows no further; null otherwise.</summary>
    public string? Failure { get; init; }

    /// <summary>How far a continual release has grown; null for others.</summary>
    public ContinualDescription? Continual { get; init; }
}

/// <summary>How far a continual release has grown. All of it is public.</summary>
/// <param name="BlocksClosed">Blocks that take no more slots; the block after them is the open one.</param>
/// <param name="BlocksReleased">Of those, the ones that answers cover.</param>
/// <param name="OpenSlots">Slots in the open block: they are in no release yet.</param>
/// <param name="BlockRows">Slots that close a block.</param>
/// <param name="MostBlocks">Blocks of a full tree.</param>
/// <param name="IsFull">Whether all of it is released and nothing can come after.</param>
public sealed record ContinualDescription(long BlocksClosed, long BlocksReleased, int OpenSlots, int BlockRows, long MostBlocks, bool IsFull);

/// <summary>Asks to close a block of a continual release before all its slots are filled: a public decision.</summary>
/// <param name="Block">The open block, which makes repeating the request harmless: one that is closed stays so.</param>
public sealed record CloseBlockRequest(long Block);

/// <summary>One tier of a privacy statement, in exact integers.</summary>
/// <param name="Tier">Counted from 0.</param>
/// <param name="Epsilon">The stated epsilon.</param>
/// <param name="Variance">sigma^2 of its whole noise, squared lattice steps, decimal.</param>
/// <param name="Increment">The variance of what it adds to the next better tier.</param>
/// <param name="MuSquaredUnits">ceil(2^40 sensitivity^2 / variance).</param>
/// <param name="SlackUnits">The slack, in units of 2^-80.</param>
public sealed record TierStatement(int Tier, double Epsilon, string Variance, string Increment, long MuSquaredUnits, long SlackUnits);

/// <summary>
/// The machine-readable claim of one release. An outsider recomputes: mu^2 = sensitivity^2 / variance, and from it epsilon at
/// delta on the exact Gaussian curve, with 0.999 delta for the curve and the rest for the slack.
/// </summary>
public sealed record PrivacyStatement
{
    /// <summary>The format's version.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The store's name.</summary>
    public required string Store { get; init; }

    /// <summary>The store's incarnation.</summary>
    public required string Incarnation { get; init; }

    /// <summary>The release.</summary>
    public required string Release { get; init; }

    /// <summary>One row.</summary>
    public string Unit { get; init; } = "one row";

    /// <summary>replace-one or add-remove.</summary>
    public required string Adjacency { get; init; }

    /// <summary>The mechanism with its parameters.</summary>
    public required MechanismDefinition Mechanism { get; init; }

    /// <summary>The schema: dimensions and bounds.</summary>
    public required StoreDefinition Definition { get; init; }

    /// <summary>Delta.</summary>
    public required double Delta { get; init; }

    /// <summary>
    /// The l2 sensitivity in units of the values: sensitivity x 2^(featureExponent + valueExponent) are the steps. moment-tree: before rounding to the lattice, so up to 1 % less than the steps.
    /// distance-tree: a row's contribution is integers from the start and has no real counterpart, so it is exactly the steps, for weights whose norm is scaled to about 1.
    /// </summary>
    public required double Sensitivity { get; init; }

    /// <summary>The l2 sensitivity in lattice steps, rounded up, decimal: what the noise is calibrated to.</summary>
    public required string SensitivitySteps { get; init; }

    /// <summary>log2 of the features' lattice scale; distance-tree: of the norm of a row's weights, its value left out.</summary>
    public required int FeatureExponent { get; init; }

    /// <summary>log2 of the values' lattice scale.</summary>
    public required int ValueExponent { get; init; }

    /// <summary>gamma in lattice steps.</summary>
    public required long GammaSteps { get; init; }

    /// <summary>r.</summary>
    public required int Features { get; init; }

    /// <summary>How many integers the release has: r (dv + 1); with levels all: nodes r (dv + 1), those of a full tree; distance-tree: parts (dv + 1) copies.</summary>
    public required long Dimension { get; init; }

    /// <summary>Levels all only: how many nodes hold each slot. The sensitivity is that of one node times its square root: of all nodes together.</summary>
    public int? Levels { get; init; }

    /// <summary>Levels all only: slots per block.</summary>
    public int? BlockRows { get; init; }

    /// <summary>Levels all only: the blocks of a full tree, a power of two, from the store's capacity; those that hold no slot are never released.</summary>
    public long? Blocks { get; init; }

    /// <summary>Levels all only: the nodes of a full tree, 2 blocks - 1.</summary>
    public long? Nodes { get; init; }

    /// <summary>Continual only, in words: that rows keep arriving, up to what capacity, and what the noise and a charge are for.</summary>
    public string? Continual { get; init; }

    /// <summary>distance-tree only: the published vectors of one copy.</summary>
    public long? Parts { get; init; }

    /// <summary>
    /// distance-tree only: F, the largest squared norm of a row's integer weights in one copy, its value left out, decimal. With g gammaSteps and V 2^valueExponent value bound +
    /// sqrt(dv)/2, the sensitivity is sqrt(copies F (g^2 + V^2)) under add-remove and sqrt(2 copies (F (g^2 + V^2) + F max(0, V^2 - g^2))) under replace-one with alpha above 0.
    /// </summary>
    public string? SquaredNormSteps { get; init; }

    /// <summary>distance-tree only: how far an answer without noise may be from exact attention, for any query, in l2 norm.</summary>
    public double? AnswerErrorBound { get; init; }

    /// <summary>The kernel polynomial's coefficients c_0 .. c_s.</summary>
    public required IReadOnlyList<double> KernelCoefficients { get; init; }

    /// <summary>The largest relative error of the polynomial.</summary>
    public required double KernelRelativeError { get; init; }

    /// <summary>The tiers.</summary>
    public required IReadOnlyList<TierStatement> Tiers { get; init; }

    /// <summary>The share of delta that the Gaussian curve uses.</summary>
    public required double GaussianShareOfDelta { get; init; }

    /// <summary>Sampler version.</summary>
    public required int SamplerVersion { get; init; }

    /// <summary>Slots in the release.</summary>
    public required long Slots { get; init; }

    /// <summary>SHA-256 of the frozen manifest, lower-case hexadecimal. It binds the noise to rows and parameters and tells nothing about either.</summary>
    public required string ManifestDigest { get; init; }

    /// <summary>What is not covered, in words.</summary>
    public required IReadOnlyList<string> NotProtected { get; init; }
}
