using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Cli.Bench.Mechanisms;
using DpAttn.Cli.Output;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench;

/// <summary>Measures every mechanism at every point: rows are summed once, noise is drawn anew for every secret.</summary>
internal sealed class AccuracyRun(BenchSettings settings, IReadOnlyList<BenchPoint> points, ProgressBars bars)
{
    private static readonly IBenchMechanism[] Mechanisms =
        [new MomentTreeBench(), new JointDistanceTreeBench(), new PaperDistanceTreeBench(), new PerQueryBench(), new PrivateMeanBench(), new ExactBench()];

    private readonly byte[][] _secrets = BenchSecrets.Make(settings.Draws, settings.Seed);

    /// <summary>The results, point after point.</summary>
    /// <exception cref="RowRejectedException">A row of the user's own breaks the bounds.</exception>
    /// <exception cref="QueryRejectedException">A query does.</exception>
    public IReadOnlyList<AccuracyResult> Run()
    {
        var units = points.Sum(point => (long)point.Epsilons.Count) * Mechanisms.Length * settings.Draws;
        return bars.Run("measuring", units, progress => points.SelectMany(point => Measure(point, progress)).ToList());
    }

    private IEnumerable<AccuracyResult> Measure(BenchPoint point, IProgress<long>? progress)
    {
        var workload = point.Make();
        foreach (var mechanism in Mechanisms)
        {
            IBenchSums? sums = null;
            string? refusal = null;
            try
            {
                sums = mechanism.Sum(workload, settings);
            }
            catch (ArgumentException e) when (IsRefusal(e))
            {
                refusal = FaultText.Line(e.Message);
            }
            foreach (var epsilon in point.Epsilons)
                yield return refusal is null ? Measure(workload, mechanism, sums!, epsilon, progress) : Refuse(workload, mechanism, epsilon, refusal, progress);
        }
    }

    private AccuracyResult Measure(Workload workload, IBenchMechanism mechanism, IBenchSums sums, double epsilon, IProgress<long>? progress)
    {
        BenchPublisher publish;
        try
        {
            publish = sums.At(Epsilon.Budget(epsilon), settings.Delta);
        }
        catch (ArgumentException e) when (IsRefusal(e))
        {
            return Refuse(workload, mechanism, epsilon, FaultText.Line(e.Message), progress);
        }
        var errors = new double[_secrets.Length];
        var micros = new double[_secrets.Length * workload.Queries.Rows];
        for (var draw = 0; draw < errors.Length; draw++)
        {
            var ask = publish(_secrets[draw]);
            var squares = 0.0;
            for (var q = 0; q < workload.Queries.Rows; q++)
            {
                var start = Stopwatch.GetTimestamp();
                var answer = ask(q);
                micros[draw * workload.Queries.Rows + q] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                for (var j = 0; j < answer.Length; j++)
                    squares += (answer[j] - workload.Truth[q, j]) * (answer[j] - workload.Truth[q, j]);
            }
            errors[draw] = Math.Sqrt(squares / workload.Truth.Data.Length);
            progress?.Report(1);
        }
        Array.Sort(micros);
        return Result(workload, mechanism, epsilon, ErrorSpread.Of(errors), sums.QueryMicros ?? micros[micros.Length / 2], null);
    }

    private AccuracyResult Refuse(Workload workload, IBenchMechanism mechanism, double epsilon, string reason, IProgress<long>? progress)
    {
        progress?.Report(settings.Draws);
        return Result(workload, mechanism, epsilon, null, null, reason);
    }

    private AccuracyResult Result(Workload workload, IBenchMechanism mechanism, double epsilon, ErrorSpread? spread, double? micros, string? refused) => new()
    {
        Mechanism = mechanism.Mechanism,
        Calibration = mechanism.Calibration,
        Workload = workload.Name,
        Rows = workload.Rows.Count,
        KeyDimension = workload.Schema.KeyDimension,
        ValueDimension = workload.Schema.ValueDimension,
        Epsilon = epsilon,
        Delta = settings.Delta.Value,
        Rmse = spread?.Rmse,
        RmseLow = spread?.Low,
        RmseHigh = spread?.High,
        SignalRms = workload.SignalRms,
        QueryMicrosMedian = micros,
        Refused = refused,
    };

    /// <summary>What the library says of parameters; rows and queries were checked before.</summary>
    private static bool IsRefusal(ArgumentException fault) => fault is not (RowRejectedException or QueryRejectedException);
}
