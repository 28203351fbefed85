using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>The moment tree (mechanisms, section 6.1), released at its root.</summary>
internal sealed class MomentModel(StoreDefinition definition, MomentParameters parameters) : StoredModel(definition, parameters.Schema)
{
    private const long LargestSmall = 1 << 20;

    public MomentParameters Parameters => parameters;

    public override bool IsSmall => parameters.Dimension <= LargestSmall;

    public override long Dimension => parameters.Dimension;

    public override long ProductsPerQuery => parameters.Dimension;

    public override long ProductsPerRow => parameters.Dimension;

    public override ErrorEstimate ErrorAt(long rows, Epsilon epsilon, int queries) => MomentEstimator.ErrorAt(parameters, rows, epsilon, Delta);

    public override ErrorEstimate EpsilonFor(long rows, double typicalNoise, int queries) => MomentEstimator.EpsilonFor(parameters, rows, typicalNoise, Delta);

    public override byte[] Bind(NoiseLadder ladder, long slots, ReadOnlySpan<byte> rows) => MomentManifest.Digest(parameters, ladder, slots, rows);

    public override void AddTo(ExactSums sums, RowSet rows, bool clip, CancellationToken cancellationToken) => AddTo(parameters, sums, rows, clip, cancellationToken);

    /// <summary>Adds rows to a matrix.</summary>
    public static void AddTo(MomentParameters parameters, ExactSums sums, RowSet rows, bool clip, CancellationToken cancellationToken)
    {
        var total = new MomentMatrix(parameters, sums.Values, sums.Slots);
        MomentAccumulator.AddTo(total, rows, clip, cancellationToken);
        sums.Slots = total.Slots;
    }

    public override IReadOnlyList<long[]> AddNoise(ExactSums sums, NoiseLadder ladder, INoiseSource noise) =>
        [.. MomentRelease.Publish(new MomentMatrix(parameters, sums.Values, sums.Slots), ladder, noise).Tiers.Select(tier => tier.Values)];

    public override ITierAnswers AnswersOf(long[] values, long slots, int tier, NoiseLadder ladder) =>
        new MomentAnswers(new ReleasedMoments(parameters, tier, ladder.Tiers[tier].Variance, slots, values));

    public override PrivacyStatement Describe(PrivacyClaim claim) => Describe(claim, FiguresOf(parameters));

    /// <summary>The figures of one matrix of these parameters.</summary>
    public static LatticeFigures FiguresOf(MomentParameters parameters) => new(
        parameters.Sensitivity.Real.Value,
        parameters.Sensitivity.Integer,
        parameters.FeatureExponent,
        parameters.ValueExponent,
        parameters.GammaSteps,
        parameters.Features,
        parameters.Dimension,
        parameters.Kernel.Coefficients.ToArray(),
        parameters.Kernel.RelativeError);

    protected override NoiseLadder Calibrate(IReadOnlyList<double> epsilons) => SchemaFactory.Ladder(parameters, epsilons, Delta);
}
