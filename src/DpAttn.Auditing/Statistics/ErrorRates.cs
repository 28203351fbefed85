namespace DpAttn.Auditing;

/// <summary>What a threshold test did on runs of two neighbours: how often it said "the second" of the first, and of the second.</summary>
/// <param name="FalseAlarms">Runs on the first data set that lie above the threshold.</param>
/// <param name="Hits">Runs on the second that do.</param>
/// <param name="Runs">Runs on each.</param>
public readonly record struct ErrorRates(long FalseAlarms, long Hits, long Runs)
{
    /// <summary>
    /// The hit rate from below and the false alarm rate from above, each by Clopper and Pearson. Both hold together with a probability of at least 1 - error.
    /// </summary>
    /// <param name="error">How often the two may fail together, in (0, 1): half of it goes to either.</param>
    public (double Hits, double FalseAlarms) Bounds(double error) =>
        (ClopperPearson.Lower(Hits, Runs, error / 2), ClopperPearson.Upper(FalseAlarms, Runs, error / 2));
}
