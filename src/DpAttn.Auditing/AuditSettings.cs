using DpAttn.Privacy;
using MathNet.Numerics;

namespace DpAttn.Auditing;

/// <summary>How much is run, and under which secrets.</summary>
public sealed record AuditSettings
{
    /// <summary>The confidence of the bound that is reported: Clopper and Pearson's 99 % interval on either error rate.</summary>
    public const double Confidence = 0.99;

    /// <summary>How often an honest mechanism may be called broken: the bound that decides is one at 1 - 1e-6.</summary>
    public const double FalseAlarm = 1e-6;

    /// <summary>Runs on either neighbour that the adversary learns the noise's covariance from.</summary>
    public int LearningRuns { get; init; } = 4096;

    /// <summary>Runs on either neighbour that the adversary chooses its statistic and thresholds on.</summary>
    public int TuningRuns { get; init; } = 16384;

    /// <summary>Runs on either neighbour that count.</summary>
    public int Runs { get; init; } = 16384;

    /// <summary>Null for fresh secrets; a number for the same ones again.</summary>
    public int? Seed { get; init; }

    /// <summary>Threads; no figure depends on them when the secrets are given.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>All runs of an audit, on both neighbours.</summary>
    public long TotalRuns => 2L * (LearningRuns + TuningRuns + Runs);

    /// <summary>
    /// The runs on either neighbour with which the 99 % bound reaches a share of the claim with a probability of at least 99.8 %. At the best threshold a rate's normal
    /// quantile errs by sqrt(pi / 2 / runs); the bound lies 2 x 2.576 of them below the estimate, which itself may lie 3 sqrt(2) of them below the truth.
    /// </summary>
    /// <param name="claim">The claimed epsilon.</param>
    /// <param name="delta">Its delta.</param>
    /// <param name="share">The share to reach, in (0, 1).</param>
    /// <param name="pair">How much of the declared sensitivity the neighbours reach, in (0, 1].</param>
    /// <exception cref="ArgumentException">A share that the neighbours cannot reach.</exception>
    public static int RunsFor(Epsilon claim, Delta delta, double share, double pair = 0.995)
    {
        // The learned statistic and a tuned threshold fall short of the best ones by about as much again as this pair.
        const double OfAdversary = 0.99;
        var gap = GaussianCurve.MuFor(claim, delta).Value * pair * OfAdversary - GaussianCurve.MuFor(new Epsilon(share * claim.Value), delta).Value;
        if (!(share > 0 && gap > 0))
            throw new ArgumentException($"no number of runs shows {share} of the claim on neighbours that reach {pair} of the sensitivity", nameof(share));
        var deviations = (2 * 2.5758 + 3 * Constants.Sqrt2) * Math.Sqrt(Math.PI / 2) / gap;
        return (int)Math.Min(1 << 26, Math.Ceiling(deviations * deviations / 1024) * 1024);
    }
}
