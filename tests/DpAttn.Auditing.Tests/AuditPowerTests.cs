using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>An honest build passes, and not because nothing was looked at: the bound comes near the claim.</summary>
public class AuditPowerTests
{
    [Theory]
    [MemberData(nameof(Audits.All), MemberType = typeof(Audits))]
    public void An_honest_mechanism_is_not_refuted_and_the_bound_reaches_four_fifths_of_its_claim(string mechanism, string adjacency) => Require(mechanism, adjacency, 4, true);

    /// <summary>All the claims of the acceptance; the same figures as 'dpattn audit'.</summary>
    [Theory]
    [MemberData(nameof(Audits.All), MemberType = typeof(Audits))]
    [Trait("Suite", "Long")]
    public void The_bound_reaches_four_fifths_of_every_claim(string mechanism, string adjacency)
    {
        foreach (var epsilon in new[] { 0.5, 1, 2 })
            Require(mechanism, adjacency, epsilon, hasLowerTier: false);
    }

    /// <summary>The neighbours themselves: an audit on a pair that reaches little would pass anything.</summary>
    [Theory]
    [MemberData(nameof(Audits.All), MemberType = typeof(Audits))]
    public void The_neighbours_reach_nearly_all_of_the_declared_sensitivity_and_no_more(string mechanism, string adjacency) =>
        Assert.InRange(Audits.Target(mechanism, adjacency, 1).SensitivityReached, 0.995, 1);

    /// <summary>Tuning runs so few that no threshold shows anything on them: the best of them is still taken, and shows it on the runs that count.</summary>
    [Fact]
    public void A_claim_that_tuning_cannot_show_is_shown_all_the_same()
    {
        var settings = Audits.Settings(60_000) with { TuningRuns = 1024 };
        Assert.InRange(Audit.Run(Audits.Target("per-query", "replace-one", 0.5), settings, cancellationToken: TestContext.Current.CancellationToken).Power, 0.4, 1);
    }

    private static void Require(string mechanism, string adjacency, double epsilon, bool hasLowerTier)
    {
        var result = Audits.Run(Audits.Target(mechanism, adjacency, epsilon, hasLowerTier), AuditSettings.RunsFor(new Epsilon(epsilon), Audits.Delta, 0.8));
        Assert.False(result.IsRefuted);
        Assert.InRange(result.Power, 0.8, 1);
        Assert.Same(result, result.Require());
    }
}
