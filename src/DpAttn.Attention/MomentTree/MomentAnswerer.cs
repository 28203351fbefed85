using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MathNet.Numerics.Distributions;

namespace DpAttn.Attention;

/// <summary>
/// Answers queries from one released moment matrix: post-processing only, so any number of adaptive queries costs nothing more.
/// Sums are taken in one fixed order, so an answer has the same bits on every machine. Thread-safe.
/// </summary>
public sealed class MomentAnswerer
{
    // Eight lanes by four accumulators, whatever the hardware: the order of a sum is part of its value.
    private const int Lanes = 8;
    private const int Accumulators = 4;
    private const int StripMultiple = Lanes * Accumulators;
    private const int ColumnsAtOnce = 4;

    private readonly MomentParameters _parameters;
    private readonly double[] _columns;
    private readonly int _strip;
    private readonly double _sigma;
    private readonly double _gamma;
    private readonly long _slots;
    private readonly double[] _mean;
    private readonly double _meanDenominator;
    private readonly double _meanFeature;
    private readonly double _indistinguishablePoint;

    /// <summary>Answers from a tier of a release: of the whole, or of the sum of some nodes of a tree.</summary>
    public MomentAnswerer(ReleasedMoments released)
        : this((released ?? throw new ArgumentNullException(nameof(released))).Parameters, released.Values, released.Deviation.Value, released.Slots)
    {
    }

    private MomentAnswerer(MomentParameters parameters, long[] matrix, double sigmaSteps, long slots)
    {
        _parameters = parameters;
        _slots = slots;
        int features = parameters.Features, columns = parameters.Columns;
        _strip = (features + StripMultiple - 1) / StripMultiple * StripMultiple;
        _columns = new double[_strip * columns];
        // In units of values: steps / 2^(bf + bu); gamma is its integer / 2^bu.
        var unit = Math.ScaleB(1.0, -(parameters.FeatureExponent + parameters.ValueExponent));
        for (var a = 0; a < features; a++)
        {
            for (var c = 0; c < columns; c++)
                _columns[c * _strip + a] = matrix[a * columns + c] * unit;
        }
        _sigma = sigmaSteps * unit;
        _gamma = Math.ScaleB(parameters.GammaSteps, -parameters.ValueExponent);

        // The query that attends evenly: phi_0 = e_0 / sqrt(a_0).
        _meanFeature = Math.ScaleB(1.0, parameters.FeatureExponent) / parameters.KeyCoefficients[0];
        _meanDenominator = _meanFeature * _columns[0] / _gamma;
        _mean = new double[columns - 1];
        // A denominator of noise alone (possible under add-remove) gives the centre of the value bound.
        for (var j = 0; j < _mean.Length && _meanDenominator > 0; j++)
            _mean[j] = _meanFeature * _columns[(j + 1) * _strip] / _meanDenominator;
        _indistinguishablePoint = ChiSquared.InvCDF(_mean.Length, 0.95);
    }

    /// <summary>The slots that answers are about: rows under replace-one.</summary>
    public long Slots => _slots;

    /// <summary>
    /// The released mean value, before any clipping: the answer at the centre of the query region, where rows are weighted by w(k) alone; for
    /// queries centred at the origin, the plain mean. Zeros when the noise has swallowed the denominator.
    /// </summary>
    public ReadOnlySpan<double> MeanValue => _mean;

    /// <summary>The noise-free polynomial answers of exact sums. Not private: for evaluation and tests.</summary>
    internal static MomentAnswerer ForEvaluation(MomentMatrix exact) => new(exact.Parameters, exact.Sums, 0, exact.Slots);

    /// <summary>Answers one query.</summary>
    /// <param name="query">d numbers within the schema's query region.</param>
    /// <param name="clip">Whether a query outside is moved to the nearest point inside instead of being refused.</param>
    /// <exception cref="QueryRejectedException">NaN, infinity, or outside the query region without clipping.</exception>
    /// <exception cref="ArgumentException">The wrong dimension.</exception>
    public AttentionAnswer Answer(ReadOnlySpan<double> query, bool clip = false) => Answer(query, clip, 0);

    /// <summary>Answers a batch, each query on its own.</summary>
    /// <param name="queries">m x d.</param>
    /// <param name="clip">As for one query.</param>
    /// <exception cref="QueryRejectedException">The first query that breaks the bounds; none is answered.</exception>
    public AttentionAnswer[] Answer(Matrix<double> queries, bool clip = false)
    {
        ArgumentNullException.ThrowIfNull(queries);
        var answers = new AttentionAnswer[queries.Rows];
        for (var i = 0; i < answers.Length; i++)
            answers[i] = Answer(queries.Row(i), clip, i);
        return answers;
    }

    /// <summary>N_j and D before any clipping or flooring, from the noise in them or without: for coverage tests.</summary>
    internal (double[] Numerators, double Denominator) Moments(ReadOnlySpan<double> query)
    {
        var features = new double[_strip];
        Expand(query, features, clip: false, 0, out _, out _, out _);
        return Project(features);
    }

    internal AttentionAnswer Answer(ReadOnlySpan<double> query, bool clip, long number)
    {
        var buffer = ArrayPool<double>.Shared.Rent(_strip);
        try
        {
            return Answer(query, clip, number, buffer.AsSpan(0, _strip));
        }
        finally
        {
            ArrayPool<double>.Shared.Return(buffer);
        }
    }

    private AttentionAnswer Answer(ReadOnlySpan<double> query, bool clip, long number, Span<double> features)
    {
        Expand(query, features, clip, number, out var queryNorm, out var featureNorm, out var variableNorm);
        var (numerators, denominator) = Project(features);

        var bound = _parameters.Schema.Values.BoundingRadius;
        var columnBound = _parameters.Schema.Values.LargestEntry;
        var kernelError = _parameters.Kernel.AnswerErrorPerUnit * bound;
        var floor = DenominatorFloor(queryNorm);
        var dimension = numerators.Length;
        var output = new double[dimension];
        var deviations = new double[dimension];
        var intervals = new NoiseInterval[dimension];
        if (!(denominator > 0) && floor == 0)
        {
            // Under add-remove nothing bounds the denominator from below: the centre of the value ball, and the whole range.
            Array.Fill(deviations, double.PositiveInfinity);
            Array.Fill(intervals, NoiseInterval.Whole(columnBound));
            return new AttentionAnswer(output, deviations, intervals, kernelError, true) { SlotsCovered = _slots };
        }
        var floored = Math.Max(denominator, floor);
        var spread = _sigma * featureNorm;
        for (var j = 0; j < dimension; j++)
        {
            // Deviation and interval are those of the unclipped, unfloored quotient; only the estimate is floored and clipped.
            var ratio = numerators[j] / denominator;
            output[j] = numerators[j] / floored;
            deviations[j] = denominator > 0 ? spread * Math.Sqrt(1 + ratio * ratio / (_gamma * _gamma)) / denominator : double.PositiveInfinity;
            intervals[j] = NoiseInterval.Fieller(numerators[j], denominator, NoiseInterval.NormalPoint * spread, _gamma, columnBound);
        }
        var indistinguishable = IsIndistinguishable(numerators, denominator, features[0], variableNorm);
        _parameters.Schema.Values.ClipEstimate(output);
        return new AttentionAnswer(output, deviations, intervals, kernelError, indistinguishable) { SlotsCovered = _slots };
    }

    /// <summary>phi_q, with |q| (uncentred), |phi_q|, and the norm of phi_q without its constant.</summary>
    private void Expand(
        ReadOnlySpan<double> query, Span<double> features, bool clip, long number, out double queryNorm, out double featureNorm, out double variableNorm)
    {
        var schema = _parameters.Schema;
        if (query.Length != schema.KeyDimension)
            throw new ArgumentException($"query {number} has {query.Length} dimensions; the schema states {schema.KeyDimension}", nameof(query));
        var centred = query.ToArray();
        QueryRejectedException.ThrowIf(schema.Queries.TryCentre(centred, clip), schema.Queries, number);
        var squares = 0.0;
        for (var j = 0; j < centred.Length; j++)
        {
            var x = centred[j] + schema.Queries.Centre[j];
            squares += x * x;
        }
        queryNorm = Math.Sqrt(squares);

        // A parent's children are its products with the coordinates from its last one on, side by side; element-wise
        // products have the same bits at every vector width.
        var basis = _parameters.Basis;
        features[0] = 1;
        var next = 1;
        for (var parent = 0; next < basis.Count; parent++)
        {
            var coordinates = centred.AsSpan(Math.Max(basis.Coordinates[parent], 0));
            TensorPrimitives.Multiply<double>(coordinates, features[parent], features[next..]);
            next += coordinates.Length;
        }
        TensorPrimitives.Multiply(features[..basis.Count], _parameters.QueryCoefficients, features);
        features[basis.Count..].Clear();
        var constant = features[0];
        features[0] = 0;
        var variable = FixedOrderDot(features, features);
        features[0] = constant;
        variableNorm = Math.Sqrt(variable);
        featureNorm = Math.Sqrt(constant * constant + variable);
    }

    private (double[] Numerators, double Denominator) Project(ReadOnlySpan<double> features)
    {
        var numerators = new double[_parameters.Columns - 1];
        var denominator = FixedOrderDot(features, _columns.AsSpan(0, _strip)) / _gamma;
        var column = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; column + ColumnsAtOnce <= numerators.Length; column += ColumnsAtOnce)
                FixedOrderDots(features, _columns.AsSpan((column + 1) * _strip, ColumnsAtOnce * _strip), numerators.AsSpan(column));
        }
        for (; column < numerators.Length; column++)
            numerators[column] = FixedOrderDot(features, _columns.AsSpan((column + 1) * _strip, _strip));
        return (numerators, denominator);
    }

    /// <summary>
    /// Under replace-one, D is at least n (1 - eps_s) exp(-scale |q| B_k), q uncentred: public. Under add-remove there is no such bound (0).
    /// </summary>
    private double DenominatorFloor(double queryNorm)
    {
        var schema = _parameters.Schema;
        return schema.Adjacency == Adjacency.AddRemove
            ? 0
            : _slots * (1 - _parameters.Kernel.RelativeError) * _parameters.SmallestKernel(queryNorm);
    }

    /// <summary>
    /// Whether dv |o - m|^2 is within the 95 % point of chi-square times its variance, for the unclipped answer o and the released mean m
    /// (mechanisms, section 7). phi_0 is its constant alone, so |phi_q/Z - phi_0/Z_0|^2 is the squared difference of the constants plus what
    /// the rest of phi_q has: squares that do not cancel.
    /// </summary>
    private bool IsIndistinguishable(double[] numerators, double denominator, double constantFeature, double variableNorm)
    {
        // A query at the centre is the mean, whatever its last bits say.
        if (!(denominator > 0 && _meanDenominator > 0) || variableNorm == 0)
            return true;
        double constant = constantFeature / denominator, rest = variableNorm / denominator, mean = _meanFeature / _meanDenominator;
        double variance = 0, distance = 0;
        for (var j = 0; j < numerators.Length; j++)
        {
            double o = numerators[j] / denominator, m = _mean[j];
            var weighted = o * constant - m * mean;
            variance += (constant - mean) * (constant - mean) + rest * rest + (weighted * weighted + o * o * rest * rest) / (_gamma * _gamma);
            distance += (o - m) * (o - m);
        }
        variance *= _sigma * _sigma;
        return numerators.Length * distance <= _indistinguishablePoint * variance;
    }

    /// <summary>
    /// Four dot products at once, each in the order of <see cref="FixedOrderDot"/>: the same bits. The matrix streams from the cache in four runs side by side, which
    /// is what a single query spends its time on.
    /// </summary>
    private static void FixedOrderDots(ReadOnlySpan<double> features, ReadOnlySpan<double> columns, Span<double> results)
    {
        ref double f = ref MemoryMarshal.GetReference(features), c = ref MemoryMarshal.GetReference(columns);
        var strip = (nuint)features.Length;
        Vector512<double>
            a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default,
            c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        for (nuint i = 0; i < strip; i += StripMultiple)
        {
            var x = Vector512.LoadUnsafe(ref f, i);
            a0 += x * Vector512.LoadUnsafe(ref c, i);
            b0 += x * Vector512.LoadUnsafe(ref c, i + strip);
            c0 += x * Vector512.LoadUnsafe(ref c, i + 2 * strip);
            d0 += x * Vector512.LoadUnsafe(ref c, i + 3 * strip);
            x = Vector512.LoadUnsafe(ref f, i + Lanes);
            a1 += x * Vector512.LoadUnsafe(ref c, i + Lanes);
            b1 += x * Vector512.LoadUnsafe(ref c, i + Lanes + strip);
            c1 += x * Vector512.LoadUnsafe(ref c, i + Lanes + 2 * strip);
            d1 += x * Vector512.LoadUnsafe(ref c, i + Lanes + 3 * strip);
            x = Vector512.LoadUnsafe(ref f, i + 2 * Lanes);
            a2 += x * Vector512.LoadUnsafe(ref c, i + 2 * Lanes);
            b2 += x * Vector512.LoadUnsafe(ref c, i + 2 * Lanes + strip);
            c2 += x * Vector512.LoadUnsafe(ref c, i + 2 * Lanes + 2 * strip);
            d2 += x * Vector512.LoadUnsafe(ref c, i + 2 * Lanes + 3 * strip);
            x = Vector512.LoadUnsafe(ref f, i + 3 * Lanes);
            a3 += x * Vector512.LoadUnsafe(ref c, i + 3 * Lanes);
            b3 += x * Vector512.LoadUnsafe(ref c, i + 3 * Lanes + strip);
            c3 += x * Vector512.LoadUnsafe(ref c, i + 3 * Lanes + 2 * strip);
            d3 += x * Vector512.LoadUnsafe(ref c, i + 3 * Lanes + 3 * strip);
        }
        results[0] = SumLanes((a0 + a1) + (a2 + a3));
        results[1] = SumLanes((b0 + b1) + (b2 + b3));
        results[2] = SumLanes((c0 + c1) + (c2 + c3));
        results[3] = SumLanes((d0 + d1) + (d2 + d3));
    }

    /// <summary>A dot product in one order for every vector width: products and sums are not fused, lanes are added at the end from 0 to 7.</summary>
    private static double FixedOrderDot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        ref double l = ref MemoryMarshal.GetReference(left), r = ref MemoryMarshal.GetReference(right);
        Vector512<double> s0 = default, s1 = default, s2 = default, s3 = default;
        for (nuint i = 0; i < (nuint)left.Length; i += StripMultiple)
        {
            s0 += Vector512.LoadUnsafe(ref l, i) * Vector512.LoadUnsafe(ref r, i);
            s1 += Vector512.LoadUnsafe(ref l, i + Lanes) * Vector512.LoadUnsafe(ref r, i + Lanes);
            s2 += Vector512.LoadUnsafe(ref l, i + 2 * Lanes) * Vector512.LoadUnsafe(ref r, i + 2 * Lanes);
            s3 += Vector512.LoadUnsafe(ref l, i + 3 * Lanes) * Vector512.LoadUnsafe(ref r, i + 3 * Lanes);
        }
        return SumLanes((s0 + s1) + (s2 + s3));
    }

    private static double SumLanes(Vector512<double> lanes)
    {
        var sum = 0.0;
        for (var lane = 0; lane < Lanes; lane++)
            sum += lanes.GetElement(lane);
        return sum;
    }
}
