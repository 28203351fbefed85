using DpAttn.Privacy;
using MathNet.Numerics.LinearAlgebra;

namespace DpAttn.Auditing;

/// <summary>
/// Runs a mechanism many times on two neighbours and bounds from below what it gives away (Jagielski, Ullman, Oprea 2020; the bound of mu as in Nasr et al. 2023).
/// </summary>
/// <remarks>
/// Three phases with runs of their own: the adversary learns the noise's covariance, tunes statistic and thresholds, and is then judged on runs that it has not seen. So the counts are binomial, the bounds of
/// the two error rates are exact (Clopper, Pearson), and an honest mechanism is refuted with a probability of at most 1e-6, whatever was learned.
/// </remarks>
public static class Audit
{
    private const int Learning = 0, Tuning = 1, Counting = 2;
    private const int Chunk = 1024;

    /// <summary>The most numbers of a view: the adversary learns the covariance of all of them.</summary>
    public const int MostNumbers = 512;

    /// <summary>Audits one target.</summary>
    /// <param name="target">The mechanism on its neighbours.</param>
    /// <param name="settings">How much is run.</param>
    /// <param name="progress">Told the number of runs done, from any thread.</param>
    /// <param name="cancellationToken">Stops between runs.</param>
    /// <exception cref="ArgumentException">Fewer than one run of a phase, no thread, or more numbers than <see cref="MostNumbers"/>.</exception>
    public static AuditResult Run(AuditTarget target, AuditSettings settings, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        Require(target, settings);
        var runs = new Runner(target, settings, progress, cancellationToken);
        var adversary = Adversary.Learn(target.Difference, Covariance(runs, target));
        var (forMu, direct) = Tune(runs, adversary, target.Delta);
        var muRates = new ErrorRates(runs.CountAbove(false, adversary, forMu, direct, out var directFalseAlarms), runs.CountAbove(true, adversary, forMu, direct, out var directHits), settings.Runs);
        var directRates = new ErrorRates(directFalseAlarms, directHits, settings.Runs);

        const double Error = 1 - AuditSettings.Confidence;
        var mu = LowerBounds.MuFrom(muRates, Error);
        // Two bounds decide; each may err half as often.
        const double Each = AuditSettings.FalseAlarm / 2;
        var ofMu = LowerBounds.EpsilonFrom(LowerBounds.MuFrom(muRates, Each), target.Delta);
        var ofRates = LowerBounds.DirectEpsilonFrom(directRates, target.Delta, Each);
        return new AuditResult
        {
            Mechanism = target.Mechanism,
            Adjacency = target.Adjacency,
            Claimed = target.Claimed,
            Delta = target.Delta,
            ClaimedMu = GaussianCurve.MuFor(target.Claimed, target.Delta),
            MuLowerBound = mu,
            EpsilonLowerBound = LowerBounds.EpsilonFrom(mu, target.Delta),
            DirectEpsilonLowerBound = LowerBounds.DirectEpsilonFrom(directRates, target.Delta, Error),
            DecidingEpsilon = ofMu.Value > ofRates.Value ? ofMu : ofRates,
            IsDecidedByMu = ofMu.Value > ofRates.Value,
            SensitivityReached = target.SensitivityReached,
            Runs = 2L * settings.Runs,
        };
    }

    /// <summary>Refuses what could not be audited.</summary>
    /// <exception cref="ArgumentException">Fewer than one run of a phase, no thread, or more numbers than <see cref="MostNumbers"/>.</exception>
    internal static void Require(AuditTarget target, AuditSettings settings)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(settings);
        if (Math.Min(Math.Min(settings.LearningRuns, settings.TuningRuns), Math.Min(settings.Runs, settings.Threads)) < 1)
            throw new ArgumentException("an audit needs at least one run of each phase and one thread", nameof(settings));
        if (target.Difference.Length > MostNumbers)
            throw new ArgumentException($"{target.Mechanism}: the neighbours differ in {target.Difference.Length} released numbers, and at most {MostNumbers} are audited; use fewer dimensions, a smaller degree, fewer copies or queries, or a coarser grid", nameof(target));
    }

    /// <summary>The covariance of what was released minus the exact sums, over both data sets.</summary>
    private static Matrix<double> Covariance(Runner runs, AuditTarget target)
    {
        var length = target.Difference.Length;
        var difference = target.Difference.ToArray();
        var total = new double[length * length];
        foreach (var second in (bool[])[false, true])
        {
            runs.ForEach(Learning, second, () => new double[total.Length], (sums, _, view) =>
            {
                for (var i = 0; i < length; i++)
                {
                    var x = view[i] -= second ? difference[i] : 0;
                    for (var j = 0; j <= i; j++)
                        sums[i * length + j] += x * view[j];
                }
            }, sums =>
            {
                for (var i = 0; i < total.Length; i++)
                    total[i] += sums[i];
            });
        }
        var count = 2.0 * runs.Settings.LearningRuns;
        return Matrix<double>.Build.Dense(length, length, (i, j) => total[Math.Max(i, j) * length + Math.Min(i, j)] / count);
    }

    private static (AuditTest ForMu, AuditTest Direct) Tune(Runner runs, Adversary adversary, Delta delta)
    {
        var values = new double[2][][];
        foreach (var second in (bool[])[false, true])
        {
            var side = values[second ? 1 : 0] = [.. Enumerable.Range(0, Adversary.Statistics).Select(_ => new double[runs.Settings.TuningRuns])];
            runs.ForEach(Tuning, second, () => side, (sums, run, view) =>
            {
                for (var statistic = 0; statistic < sums.Length; statistic++)
                    sums[statistic][run] = adversary.Of(statistic, view);
            }, _ => { });
            foreach (var statistic in side)
                Array.Sort(statistic);
        }
        return (Adversary.Choose(values[0][..Adversary.OfMu], values[1][..Adversary.OfMu], Adversary.Wary, LowerBounds.MuFrom),
            Adversary.Choose(values[0], values[1], Adversary.Plain, (hits, falseAlarms) => LowerBounds.DirectEpsilonFrom(hits, falseAlarms, delta.Value)));
    }

    private delegate void Take<TState>(TState state, int run, Span<double> view);

    /// <summary>Runs of one target under the secrets of one audit.</summary>
    private sealed class Runner(AuditTarget target, AuditSettings settings, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        private readonly AuditSecrets _secrets = new(settings.Seed);

        public AuditSettings Settings => settings;

        public long CountAbove(bool second, Adversary adversary, AuditTest test, AuditTest other, out long others)
        {
            long above = 0, aboveOther = 0;
            ForEach(Counting, second, () => new long[2], (counts, _, view) =>
            {
                counts[0] += adversary.Of(test.Statistic, view) > test.Threshold ? 1 : 0;
                counts[1] += adversary.Of(other.Statistic, view) > other.Threshold ? 1 : 0;
            }, counts =>
            {
                above += counts[0];
                aboveOther += counts[1];
            });
            others = aboveOther;
            return above;
        }

        /// <summary>Runs a phase on one data set in pieces, each with a state of its own; the states are taken in order afterwards, so no figure depends on the threads.</summary>
        public void ForEach<TState>(int phase, bool second, Func<TState> begin, Take<TState> take, Action<TState> end)
        {
            var count = phase == Learning ? settings.LearningRuns : phase == Tuning ? settings.TuningRuns : settings.Runs;
            var states = new TState[(count + Chunk - 1) / Chunk];
            Parallel.For(0, states.Length, new ParallelOptions { MaxDegreeOfParallelism = settings.Threads, CancellationToken = cancellationToken }, chunk =>
            {
                Span<byte> secret = stackalloc byte[AuditSecrets.Bytes];
                var view = new double[target.Difference.Length];
                var state = states[chunk] = begin();
                var last = Math.Min(count, (chunk + 1) * Chunk);
                for (var run = chunk * Chunk; run < last; run++)
                {
                    _secrets.Fill(phase, second, run, secret);
                    target.Run(second, secret, view);
                    take(state, run, view);
                }
                progress?.Report(last - chunk * Chunk);
            });
            foreach (var state in states)
                end(state);
        }
    }
}
