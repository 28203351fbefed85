using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>Which audits are run on a store's configuration: every mechanism at every claim under every adjacency that is asked for.</summary>
public sealed record AuditSuite
{
    /// <summary>The share of a claim that the bound should reach.</summary>
    public const double DefaultShare = 0.8;

    // Below it the runs are so many that the second tier's draws would take as long again.
    private const double LeastEpsilonWithTwoTiers = 1;

    /// <summary>The stores, one per adjacency.</summary>
    public required IReadOnlyList<AuditedStore> Stores { get; init; }

    /// <summary>The mechanisms, of <see cref="AuditedStore.Mechanisms"/>.</summary>
    public IReadOnlyList<string> Mechanisms { get; init; } = AuditedStore.Mechanisms;

    /// <summary>The claims.</summary>
    public IReadOnlyList<Epsilon> Claims { get; init; } = [new(0.5), new(1), new(2), new(4)];

    /// <summary>Their delta.</summary>
    public Delta Delta { get; init; } = new(1e-6);

    /// <summary>The share of the claim that the number of runs is chosen for.</summary>
    public double Share { get; init; } = DefaultShare;

    /// <summary>What every audit shares; its number of runs is that for the share unless <see cref="IsOfStatedRuns"/>.</summary>
    public AuditSettings Settings { get; init; } = new();

    /// <summary>Whether every audit has the runs of <see cref="Settings"/>, whatever its claim.</summary>
    public bool IsOfStatedRuns { get; init; }

    /// <summary>All runs of all audits.</summary>
    public long TotalRuns => Claims.Sum(claim => SettingsFor(claim).TotalRuns) * Mechanisms.Count * Stores.Count;

    /// <summary>Runs the audits one after the other.</summary>
    /// <param name="progress">Told the number of runs done, from any thread.</param>
    /// <param name="cancellationToken">Stops between runs.</param>
    /// <exception cref="ArgumentException">A mechanism that does not exist or refuses the store's numbers; nothing has run then.</exception>
    public IEnumerable<AuditResult> Run(IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        // What the flags state is settled before anything runs.
        var audits = new List<(AuditTarget Target, AuditSettings Settings)>();
        foreach (var mechanism in Mechanisms)
        {
            foreach (var store in Stores)
            {
                foreach (var claim in Claims)
                    audits.Add(((store with { HasLowerTier = claim.Value >= LeastEpsilonWithTwoTiers }).Target(mechanism, claim, Delta), SettingsFor(claim)));
            }
        }
        foreach (var (target, settings) in audits)
            Audit.Require(target, settings);
        return audits.Select(audit => Audit.Run(audit.Target, audit.Settings, progress, cancellationToken));
    }

    private AuditSettings SettingsFor(Epsilon claim) => IsOfStatedRuns ? Settings : Settings with { Runs = AuditSettings.RunsFor(claim, Delta, Share) };
}
