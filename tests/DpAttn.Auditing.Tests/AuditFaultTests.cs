using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>
/// Each fault is planted in a mechanism; the audit, which the same mechanism passes without it, must refute the claim. Secrets are fixed, so each outcome is one for ever; with fresh ones an honest
/// build would be refuted with a probability of at most 1e-6.
/// </summary>
public class AuditFaultTests
{
    private const int Runs = 8192;
    private static readonly Epsilon Claim = new(4);
    private static readonly Epsilon[] Tiers = [new(2), new(4)];
    private static readonly StoreSchema Schema = Small(Adjacency.ReplaceOne);
    private static readonly MomentParameters Moments = MomentParameters.Create(Schema, 2);
    private static readonly NoiseLadder Ladder = MomentRelease.Calibrate(Moments, Tiers, Audits.Delta);
    private static readonly DistanceTreeParameters Distance = DistanceTreeParameters.Create(Schema, 2, 1, 4, 3);
    private static readonly NoiseLadder DistanceLadder = DistanceTreeRelease.Calibrate(Distance, Tiers, Audits.Delta);

    private static readonly NoiseLadder CloseLadder = MomentRelease.Calibrate(Moments, [new(3), new(4)], Audits.Delta);
    private static readonly MomentTreeParameters Tree = MomentTreeParameters.Create(Moments, 1);

    // Another key and another value: every column, the denominator's too, differs.
    private static readonly NeighbourPair OtherKeys = NeighbourPair.Of(Schema, 1, new([1.0], [1.0]), new([0.0], [-1.0]));

    /// <summary>The targets that the faults below are planted in, without a fault.</summary>
    [Fact]
    public void None_of_the_targets_of_the_faults_is_refuted_without_its_fault()
    {
        Assert.False(Refutes(new MomentTarget(Moments, Ladder, OtherKeys)));
        Assert.False(Refutes(new DistanceTreeTarget(Distance, DistanceLadder)));
        Assert.False(Refutes(Batch(Honest(4))));
        Assert.False(Refutes(AtEpsilon16(MomentRelease.Calibrate(Moments, [new(16)], Audits.Delta)), 3 * Runs));
        Assert.False(Refutes(Audits.Target("moment-tree", "replace-one", 1), 2 * Runs));
        Assert.False(Refutes(new MomentTarget(Moments, Ladder)));
        Assert.False(Refutes(new MomentTarget(Moments, CloseLadder)));
        Assert.False(Refutes(new MomentTreeTarget(Tree, Tree.Calibrate(Tiers, Audits.Delta))));
        Assert.False(Refutes(new RetriedTarget(Moments, Ladder, redraws: false)));
    }

    [Theory]
    [MemberData(nameof(Audits.All), MemberType = typeof(Audits))]
    public void Noise_thirty_percent_too_small_is_refuted(string mechanism, string adjacency) =>
        Assert.True(Refutes(Planted(Audits.Target(mechanism, adjacency, Claim.Value), noise => new ScaledNoise(noise, 0.7))));

    /// <summary>Nothing is lost by too much noise but the power: the bound falls below what an honest build reaches.</summary>
    [Fact]
    public void Noise_thirty_percent_too_large_shows_in_the_power()
    {
        var result = Audits.Run(Planted(Audits.Target("moment-tree", "replace-one", Claim.Value), noise => new ScaledNoise(noise, 1.3)), 2 * Runs);
        Assert.InRange(result.Power, 0.4, 0.8);
    }

    /// <summary>Calibrated for a row that comes or goes, and a row that changes: its distance is sqrt(2) as large.</summary>
    [Theory]
    [InlineData("moment-tree")]
    [InlineData("distance-tree")]
    [InlineData("per-query")]
    public void A_row_that_changes_under_an_add_remove_claim_is_refuted(string mechanism)
    {
        var schema = Small(Adjacency.AddRemove);
        var pair = NeighbourPair.Of(schema, 1, new([1.0], [1.0]), new([1.0], [-1.0]));
        var moments = MomentParameters.Create(schema, 2);
        var distance = DistanceTreeParameters.Create(schema, 2, 1, 4);
        AuditTarget target = mechanism switch
        {
            "moment-tree" => new MomentTarget(moments, MomentRelease.Calibrate(moments, Tiers, Audits.Delta), pair),
            "distance-tree" => new DistanceTreeTarget(distance, DistanceTreeRelease.Calibrate(distance, Tiers, Audits.Delta), pair),
            _ => new PerQueryTarget(PerQueryPlan.Create(PerQueryParameters.Create(schema), new Matrix<double>(1, 1, [1.0]), false, Claim, Audits.Delta), Claim, Audits.Delta, pair),
        };
        Assert.True(Refutes(target));
    }

    [Fact]
    public void Noise_on_one_of_three_copies_alone_is_refuted() =>
        Assert.True(Refutes(new DistanceTreeTarget(Distance, DistanceLadder) { Noise = key => new Silent(new KeyedNoise(key), (address, _) => address.Node >= 2L * Distance.GridCells * Distance.Features) }));

    [Fact]
    public void A_denominator_without_noise_is_refuted() =>
        Assert.True(Refutes(new MomentTarget(Moments, Ladder, OtherKeys) { Noise = key => new Silent(new KeyedNoise(key), (_, i) => i % Moments.Columns == 0) }));

    [Fact]
    public void A_column_without_noise_is_refuted() =>
        Assert.True(Refutes(new MomentTarget(Moments, Ladder) { Noise = key => new Silent(new KeyedNoise(key), (_, i) => i % Moments.Columns == 1) }));

    [Fact]
    public void The_scalar_sums_of_the_distance_tree_without_noise_are_refuted() =>
        Assert.True(Refutes(new DistanceTreeTarget(Distance, DistanceLadder) { Noise = key => new Silent(new KeyedNoise(key), (address, _) => address.Node % (2L * Distance.GridCells * Distance.Features) <= DistanceTreeParameters.SquarePart) }));

    /// <summary>Both tiers from noise of their own, each as wide as it should be: colluding users average them.</summary>
    [Fact]
    public void Tiers_that_are_not_nested_are_refuted() => Assert.True(Refutes(new MomentTarget(Moments, CloseLadder) { Noise = key => new Unnested(new KeyedNoise(key), CloseLadder) }));

    /// <summary>A leaf that holds the row and its sibling that does not: under one noise their difference is bare.</summary>
    [Theory]
    [InlineData("moment-tree levels-all")]
    [InlineData("distance-tree")]
    public void Two_nodes_with_one_address_are_refuted(string mechanism) =>
        Assert.True(Refutes(Planted(Audits.Target(mechanism, "replace-one", Claim.Value), noise => new NodeBlind(noise))));

    /// <summary>Two values of one address: whoever holds both averages their noise away.</summary>
    [Fact]
    public void Noise_redrawn_on_a_retry_is_refuted() => Assert.True(Refutes(new RetriedTarget(Moments, Ladder, redraws: true)));

    [Fact]
    public void A_batch_that_is_charged_as_one_query_is_refuted() => Assert.True(Refutes(Batch(Honest(1))));

    /// <summary>
    /// An unsound accountant: sigma = sqrt(2 ln(1.25/delta)) / epsilon is proved for epsilon up to 1 alone (Dwork, Roth 2014). At 16 it gives a seventh too little noise.
    /// </summary>
    [Fact]
    public void The_classical_calibration_beyond_its_range_is_refuted()
    {
        var mu = new Mu(16 / Math.Sqrt(2 * Math.Log(1.25 / Audits.Delta.Value)));
        Assert.True(mu.Value > GaussianCurve.MuFor(new(16), Audits.Delta).Value * 1.1);
        Assert.True(Refutes(AtEpsilon16(MomentRelease.Calibrate(Moments, [GaussianCurve.EpsilonFor(mu, Audits.Delta)], Audits.Delta)), 3 * Runs));
    }

    /// <summary>Noise that is right but for one draw in a hundred: no bound of mu in the middle shows it, the direct bound in the tail does.</summary>
    [Fact]
    public void A_release_that_is_bare_now_and_then_is_refuted()
    {
        var result = Audits.Run(Planted(Audits.Target("moment-tree", "replace-one", 1), noise => new BareNowAndThen(noise)), 2 * Runs);
        Assert.True(result.IsRefuted);
        Assert.Contains("moment-tree, replace-one: claims epsilon 1 at delta 1E-06, and loses an epsilon of at least", Assert.Throws<AuditFailedException>(result.Require).Message);
    }

    private static StoreSchema Small(Adjacency adjacency) => AuditedStore.Small(adjacency).Schema;

    /// <summary>A request of four queries in one direction, under the noise of another plan.</summary>
    private static PerQueryTarget Batch(PerQueryPlan calibration)
    {
        var factor = calibration.Variance.Sigma.Value / Honest(4).Variance.Sigma.Value;
        return new PerQueryTarget(Honest(4), Claim, Audits.Delta) { Noise = key => new ScaledNoise(new KeyedNoise(key), factor) };
    }

    private static PerQueryPlan Honest(int queries) => PerQueryPlan.Create(
        PerQueryParameters.Create(Schema), new Matrix<double>(queries, 1, [.. Enumerable.Range(1, queries).Select(i => (double)i / queries)]), false, Claim, Audits.Delta);

    private static MomentTarget AtEpsilon16(NoiseLadder ladder) => new(Moments, ladder) { Claimed = new(16) };

    private static AuditTarget Planted(AuditTarget target, Func<INoiseSource, INoiseSource> plant)
    {
        target.Noise = key => plant(new KeyedNoise(key));
        return target;
    }

    private static bool Refutes(AuditTarget target, int runs = Runs) => Audits.Run(target, runs).IsRefuted;
}
