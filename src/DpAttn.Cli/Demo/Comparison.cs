using System.Numerics;
using DpAttn.Attention;

namespace DpAttn.Cli.Demo;

/// <summary>Private answers against exact attention and against the noise-free polynomial, over any number of releases.</summary>
internal sealed class Comparison
{
    private readonly DemoData _data;
    private readonly Func<int, double[]> _attendOnce;
    private readonly Matrix<double> _exact;
    private readonly double[] _mean;
    private readonly AttentionAnswer[] _noiseFree;
    private readonly List<double> _rmse = [];
    private readonly List<double> _rmseNoiseOnly = [];
    private readonly List<double> _top1 = [];
    private double _predictedSquares;
    private long _covered;
    private long _indistinguishable;

    public Comparison(DemoData data, MomentParameters parameters, MomentMatrix exactSums, int threads, bool clip)
    {
        _data = data;
        _noiseFree = MomentAnswerer.ForEvaluation(exactSums).Answer(data.Queries, clip);
        (_exact, _mean, _attendOnce) = Exact(data, parameters.Schema.Scale, threads);
        var squares = 0.0;
        for (var q = 0; q < _exact.Rows; q++)
        {
            for (var j = 0; j < _mean.Length; j++)
                squares += Square(_exact[q, j] - _mean[j]);
        }
        SignalRms = Math.Sqrt(squares / _exact.Data.Length);
        Top1Exact = data.Labels is null ? null : Top1(q => _exact.Row(q), _mean);
    }

    public double SignalRms { get; }

    public double? Top1Exact { get; }

    public double Rmse => _rmse.Average();

    public double RmseNoiseOnly => _rmseNoiseOnly.Average();

    public double PredictedNoiseRms => Math.Sqrt(_predictedSquares / Count);

    public double Coverage => _covered / Count;

    public double IndistinguishableShare => (double)_indistinguishable / (_rmse.Count * (long)_exact.Rows);

    public double? Top1Private => _top1.Count == 0 ? null : _top1.Average();

    private double Count => (double)_rmse.Count * _exact.Data.Length;

    /// <summary>Counts in the answers of one release.</summary>
    public void Add(AttentionAnswer[] answers, ReadOnlySpan<double> releasedMean)
    {
        double squares = 0, noiseSquares = 0;
        for (var q = 0; q < answers.Length; q++)
        {
            var answer = answers[q];
            for (var j = 0; j < _mean.Length; j++)
            {
                squares += Square(answer.Output[j] - _exact[q, j]);
                noiseSquares += Square(answer.Output[j] - _noiseFree[q].Output[j]);
                _predictedSquares += Square(answer.NoiseDeviation[j]);
                if (answer.Intervals[j].Contains(_noiseFree[q].Output[j]))
                    _covered++;
            }
            if (answer.IsIndistinguishableFromMean == true)
                _indistinguishable++;
        }
        _rmse.Add(Math.Sqrt(squares / _exact.Data.Length));
        _rmseNoiseOnly.Add(Math.Sqrt(noiseSquares / _exact.Data.Length));
        if (_data.Labels is not null)
            _top1.Add(Top1(q => answers[q].Output, releasedMean.ToArray()));
    }

    /// <summary>The median microseconds of a single exact query on one thread.</summary>
    public double TimeExactQueries() => QueryTimer.MedianMicros(_exact.Rows, q => _attendOnce(q));

    private delegate ReadOnlySpan<double> OutputOf(int query);

    private double Top1(OutputOf output, double[] mean)
    {
        var right = 0;
        for (var q = 0; q < _data.Labels!.Length; q++)
        {
            var answer = output(q);
            var best = 0;
            for (var j = 1; j < mean.Length; j++)
            {
                if (answer[j] - mean[j] > answer[best] - mean[best])
                    best = j;
            }
            if (best == _data.Labels[q])
                right++;
        }
        return (double)right / _data.Labels.Length;
    }

    /// <summary>Exact attention on the rows as they stand, clipped or not: in float32 where they are and it suffices, else in float64.</summary>
    private static (Matrix<double> Answers, double[] Mean, Func<int, double[]> Once) Exact(DemoData data, double scale, int threads)
    {
        if (data.Keys.Single is { } keys && data.Values.Single is { } values)
        {
            var queries = new Matrix<float>(data.Queries.Rows, data.Queries.Columns, Array.ConvertAll(data.Queries.Data, x => (float)x));
            if (Array.TrueForAll(queries.Data, float.IsFinite) && Attend(new ExactAttention<float>(keys, values, scale), queries, threads) is { } narrow)
                return narrow;
        }
        return Attend(new ExactAttention<double>(data.Keys.ToDouble(), data.Values.ToDouble(), scale), data.Queries, threads)
            ?? throw new DataFaultException("exact attention, which the answers are compared with, leaves double precision on these rows and queries as they stand; bring them near their bounds first");
    }

    /// <summary>Null where scores or sums leave the type.</summary>
    private static (Matrix<double>, double[], Func<int, double[]>)? Attend<T>(ExactAttention<T> attention, Matrix<T> queries, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        try
        {
            var answers = attention.Attend(queries, threads);
            return Array.TrueForAll(answers.Data, double.IsFinite)
                ? (answers, attention.MeanValue(), q => Once(attention, queries.Row(q)))
                : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static double[] Once<T>(ExactAttention<T> attention, ReadOnlySpan<T> query)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var output = new double[attention.ValueDimension];
        attention.Attend(query, output);
        return output;
    }

    private static double Square(double x) => x * x;
}
