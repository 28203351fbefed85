using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// The distance-tree (mechanisms, section 6.2). A release keeps its secret and its shards' exact sums; a part gets its noise, which is a function of its address, when a query first
/// needs it, in the one place that adds the shards' sums. So a release takes no more room for more tiers or copies.
/// </summary>
internal sealed class DistanceModel : ReleasedModel
{
    /// <summary>The largest exact sums of a shard that are served, in bytes; with the nodes above them they take twice that in memory.</summary>
    public const long LargestSumBytes = 256L << 20;

    // Drawing a number's noise takes as long as some products.
    private const long ProductsPerNumber = 8;

    /// <exception cref="ArgumentException">Sums that are too large to be served.</exception>
    public DistanceModel(StoreDefinition definition, DistanceTreeParameters parameters)
        : base(definition, parameters.Schema)
    {
        Parameters = parameters;
        Dimension = DistanceTreeSums.SizeFor(parameters);
        SchemaFactory.Require(
            Dimension * sizeof(long) <= LargestSumBytes,
            $"the exact sums of a shard would take {Dimension * sizeof(long)} bytes, and at most {LargestSumBytes} are served: use a smaller degree or fewer gridCells");
    }

    public DistanceTreeParameters Parameters { get; }

    // Grids and bounds, not the sums themselves; worth keeping, since they take long to find.
    public override bool IsSmall => true;

    public override long Dimension { get; }

    /// <summary>The noised integers of a part: those of each copy.</summary>
    public int NumbersPerPart => Parameters.Columns * Parameters.Copies;

    /// <summary>How many parts are asked for at once at most.</summary>
    public int PartsPerCall => Math.Max(1, PartSums.MostValues / NumbersPerPart);

    public override long ProductsPerQuery => ProductsPerNumber * NumbersPerPart * (Parameters.IsExact ? Parameters.Features : 2 + (Parameters.Features - 1L) * Parameters.PlanBounds!.Nodes);

    public override long ProductsPerRow => (long)Parameters.Features * Parameters.Columns;

    public override ErrorEstimate ErrorAt(long rows, Epsilon epsilon, int queries) => DistanceTreeEstimator.ErrorAt(Parameters, rows, epsilon, Delta);

    public override ErrorEstimate EpsilonFor(long rows, double typicalNoise, int queries) => DistanceTreeEstimator.EpsilonFor(Parameters, rows, typicalNoise, Delta);

    public override byte[] Bind(NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows) => DistanceTreeManifest.Digest(Parameters, ladder, slots, rows);

    public override void AddTo(ExactSums sums, RowSet rows, bool clip, CancellationToken cancellationToken)
    {
        var total = DistanceTreeSums.FromNumbers(Parameters, sums.Values, sums.Slots);
        DistanceTreeSums.AddTo(total, rows, clip, cancellationToken);
        sums.Slots = total.Slots;
    }

    /// <summary>All nodes over a shard's persisted sums: private like those.</summary>
    public DistanceTreeNodes NodesOf(long[] sums, long slots) => DistanceTreeNodes.Over(DistanceTreeSums.FromNumbers(Parameters, sums, slots));

    /// <summary>The noise of every tier, the noisiest first.</summary>
    public DistanceTreeNoise[] NoiseOf(NoiseLadder ladder, INoiseSource noise) =>
        [.. Enumerable.Range(0, ladder.TierCount).Select(tier => new DistanceTreeNoise(Parameters, ladder, noise, tier))];

    /// <summary>Answers from a tier, whose parts come from elsewhere.</summary>
    public ITierAnswers AnswersOf(string release, long slots, int tier, NoiseLadder ladder) => new DistanceTier(this, release, tier, slots, ladder.Tiers[tier].Variance.Sigma.Value);

    public override PrivacyStatement Describe(PrivacyClaim claim) => Describe(claim, new LatticeFigures(
        Math.ScaleB((double)Parameters.Sensitivity.Integer, -(Parameters.ValueExponent + DistanceTreeParameters.FeatureBits)),
        Parameters.Sensitivity.Integer,
        DistanceTreeParameters.FeatureBits,
        Parameters.ValueExponent,
        Parameters.GammaSteps,
        Parameters.Features,
        Parameters.Dimension,
        KernelPolynomial.TaylorCoefficients(Parameters.Degree),
        Math.Max(Parameters.ErrorBound.Below, Parameters.ErrorBound.Above))) with
    {
        Parts = Parameters.PartCount,
        SquaredNormSteps = Parameters.Sensitivity.SquaredNorm.ToString(),
        AnswerErrorBound = Parameters.ErrorBound.Answer,
    };

    protected override NoiseLadder Calibrate(IReadOnlyList<double> epsilons)
    {
        SchemaFactory.RequireLadder(epsilons);
        return DistanceTreeRelease.Calibrate(Parameters, [.. epsilons.Select(Epsilon.Budget)], Delta);
    }
}
