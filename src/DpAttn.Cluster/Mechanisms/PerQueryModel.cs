using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// Nothing is published (mechanisms, section 6.3): a request's sums are computed when it is asked, get noise of their own, and are charged. The ladder holds the
/// epsilons that an answer may be bought at; all queries of a request are one joint release at that price.
/// </summary>
internal sealed class PerQueryModel : StoreModel
{
    private readonly PrivacyAmount[] _prices;

    /// <exception cref="ArgumentException">A ladder that does not rise, or a tier whose noise does not fit the sums.</exception>
    public PerQueryModel(StoreDefinition definition, PerQueryParameters parameters)
        : base(definition, parameters.Schema)
    {
        Parameters = parameters;
        SchemaFactory.RequireLadder(definition.Ladder);
        for (var tier = 1; tier < definition.Ladder.Count; tier++)
            SchemaFactory.Require(definition.Ladder[tier] > definition.Ladder[tier - 1], $"ladder: tier {tier} (epsilon {definition.Ladder[tier]}) must be above tier {tier - 1} (epsilon {definition.Ladder[tier - 1]})");
        _prices = [.. definition.Ladder.Select(epsilon => NoiseOf(epsilon).Open(0))];
    }

    public PerQueryParameters Parameters { get; }

    public override bool IsSmall => true;

    /// <summary>The epsilon of a tier.</summary>
    public Epsilon EpsilonOf(int tier) => Epsilon.Budget(Definition.Ladder[tier]);

    public override PrivacyAmount PriceOf(int tier) => _prices[tier];

    /// <summary>What a request of so many queries costs at most at a tier: the slack grows with the numbers that it releases.</summary>
    public PrivacyAmount PriceOf(int tier, int queries) =>
        NoiseLadder.Calibrate(Parameters.QuerySensitivity, (long)queries * Parameters.Columns, [EpsilonOf(tier)], Delta).Open(0);

    public override void RequireRoom(PrivacyLimit limit)
    {
        foreach (var epsilon in Definition.Ladder)
            limit.RequireRoomFor(NoiseOf(epsilon));
    }

    public override ErrorEstimate ErrorAt(long rows, Epsilon epsilon, int queries) => Bounded(PerQueryEstimator.ErrorAt(Parameters, rows, epsilon, Delta, queries));

    public override ErrorEstimate EpsilonFor(long rows, double typicalNoise, int queries) => Bounded(PerQueryEstimator.EpsilonFor(Parameters, rows, typicalNoise, Delta, queries));

    /// <summary>Fixes everything about a request before any row is looked at.</summary>
    public PerQueryPlan PlanOf(Matrix<double> queries, bool clip, int tier) => PerQueryPlan.Create(Parameters, queries, clip, EpsilonOf(tier), Delta);

    /// <summary>Products of one query over so many slots.</summary>
    public long ProductsPerQuery(long slots) => checked(slots * (Schema.KeyDimension + Parameters.Columns));

    /// <summary>Bytes that rows take in memory, at most.</summary>
    public long BytesOf(long slots)
    {
        // Rows are held in panels of 32 (PerQueryRows), of single precision.
        const long Panel = 32;
        return checked((slots + Panel - 1) / Panel * Panel * (Schema.KeyDimension + Parameters.Columns) * sizeof(float));
    }

    private NoiseLadder NoiseOf(double epsilon)
    {
        var noise = NoiseLadder.Calibrate(Parameters.QuerySensitivity, Parameters.Columns, [Epsilon.Budget(epsilon)], Delta);
        Parameters.RequireNoOverflow(noise.Tiers[0].Variance);
        return noise;
    }

    /// <summary>Answers are clipped to the value bound, so no error is larger than its diameter: sharp kernels have typical noise beyond every double.</summary>
    private ErrorEstimate Bounded(ErrorEstimate estimate)
    {
        var diameter = 2 * Schema.Values.BoundingRadius;
        return estimate with { TypicalNoise = Math.Min(estimate.TypicalNoise, diameter) };
    }
}
