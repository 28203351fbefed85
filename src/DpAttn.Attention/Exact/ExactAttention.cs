using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DpAttn.Attention;

/// <summary>
/// Softmax attention itself, sum_i v_i exp(scale &lt;q, k_i&gt;) / sum_i exp(scale &lt;q, k_i&gt;). It is <b>not private</b>: for tests and
/// comparison only. Numerically stable (running maximum, Milakov and Gimelshein 2018) and as fast as the rows can be read.
/// </summary>
/// <typeparam name="T">float or double: the type of rows and queries. Sums over rows are double from block to block.</typeparam>
public sealed class ExactAttention<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // A block's keys and values stay in the second-level cache while a batch of queries passes over them.
    private const int BlockRows = 256;

    private readonly Matrix<T> _keys;
    private readonly Matrix<T> _values;
    private readonly T _scale;

    /// <summary>Attention over rows.</summary>
    /// <param name="keys">n x d.</param>
    /// <param name="values">n x dv.</param>
    /// <param name="scale">The factor in the exponent, finite.</param>
    /// <exception cref="ArgumentException">No rows, different numbers of rows, no columns, or a scale that is not finite.</exception>
    public ExactAttention(Matrix<T> keys, Matrix<T> values, double scale)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
            throw new ArgumentException($"rows must be float32 or float64, not {typeof(T).Name}", nameof(keys));
        if (keys.Rows == 0 || keys.Rows != values.Rows)
            throw new ArgumentException($"{keys.Rows} keys and {values.Rows} values; attention needs as many of each, and at least one", nameof(values));
        if (keys.Columns == 0 || values.Columns == 0)
            throw new ArgumentException($"keys have {keys.Columns} and values {values.Columns} columns; both need at least 1", nameof(keys));
        if (!T.IsFinite(T.CreateChecked(scale)))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, $"scale must be finite as a {typeof(T).Name}");
        (_keys, _values, _scale) = (keys, values, T.CreateChecked(scale));
    }

    /// <summary>dv.</summary>
    public int ValueDimension => _values.Columns;

    /// <summary>The mean of the values.</summary>
    public double[] MeanValue()
    {
        var mean = new double[_values.Columns];
        for (var i = 0; i < _values.Rows; i++)
        {
            var value = _values.Row(i);
            for (var j = 0; j < mean.Length; j++)
                mean[j] += double.CreateTruncating(value[j]);
        }
        for (var j = 0; j < mean.Length; j++)
            mean[j] /= _values.Rows;
        return mean;
    }

    /// <summary>Answers one query on the calling thread.</summary>
    /// <param name="query">d numbers.</param>
    /// <param name="output">dv numbers.</param>
    /// <exception cref="ArgumentException">Wrong lengths, a query or rows with NaN or infinity, or a score that overflows.</exception>
    public void Attend(ReadOnlySpan<T> query, Span<double> output)
    {
        if (query.Length != _keys.Columns || output.Length != _values.Columns)
            throw new ArgumentException($"a query of {query.Length} and an output of {output.Length} numbers; keys have {_keys.Columns} and values {_values.Columns} columns", nameof(query));
        RequireFinite(query);
        var state = new State(_values.Columns);
        var weights = new T[BlockRows];
        var sums = new T[_values.Columns];
        for (var start = 0; start < _keys.Rows; start += BlockRows)
            AddBlock(query, start, Math.Min(BlockRows, _keys.Rows - start), weights, sums, state);
        state.Write(output);
        RequireFiniteAnswer(output);
    }

    /// <summary>Answers a batch, going over the rows block by block for several queries at a time.</summary>
    /// <param name="queries">m x d.</param>
    /// <param name="threads">How many threads share the queries.</param>
    /// <returns>m x dv.</returns>
    /// <exception cref="ArgumentException">The wrong number of columns, a query or rows with NaN or infinity, or a score that overflows.</exception>
    public Matrix<double> Attend(Matrix<T> queries, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (queries.Columns != _keys.Columns)
            throw new ArgumentException($"queries have {queries.Columns} columns, keys {_keys.Columns}", nameof(queries));
        RequireFinite(queries.Data);
        var outputs = new Matrix<double>(queries.Rows, _values.Columns);
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
        {
            int first = (int)((long)queries.Rows * part / threads), end = (int)((long)queries.Rows * (part + 1) / threads);
            var states = Enumerable.Range(first, end - first).Select(_ => new State(_values.Columns)).ToArray();
            var weights = new T[BlockRows];
            var sums = new T[_values.Columns];
            for (var start = 0; start < _keys.Rows; start += BlockRows)
            {
                var count = Math.Min(BlockRows, _keys.Rows - start);
                for (var q = first; q < end; q++)
                    AddBlock(queries.Row(q), start, count, weights, sums, states[q - first]);
            }
            for (var q = first; q < end; q++)
                states[q - first].Write(outputs.Row(q));
        });
        RequireFiniteAnswer(outputs.Data);
        return outputs;
    }

    private static void RequireFinite(ReadOnlySpan<T> queries)
    {
        if (!queries.IsEmpty && !TensorPrimitives.IsFiniteAll(queries))
            throw new ArgumentException("a query has a coordinate that is NaN or infinite", nameof(queries));
    }

    // One look at the answers instead of one at every row: NaN and overflow anywhere on the way end up here.
    private static void RequireFiniteAnswer(ReadOnlySpan<double> outputs)
    {
        if (!outputs.IsEmpty && !TensorPrimitives.IsFiniteAll(outputs))
            throw new ArgumentException("exact attention: the rows hold NaN or infinity, or a score overflows its type; use smaller numbers or float64");
    }

    private void AddBlock(ReadOnlySpan<T> query, int start, int count, T[] weights, T[] sums, State state)
    {
        var scores = weights.AsSpan(0, count);
        Score(query, ref _keys.Row(start)[0], scores);
        TensorPrimitives.Multiply(scores, _scale, scores);
        state.RaiseMaximum(double.CreateTruncating(TensorPrimitives.Max<T>(scores)));
        TensorPrimitives.Subtract(scores, T.CreateTruncating(state.Maximum), scores);
        TensorPrimitives.Exp<T>(scores, scores);
        WeightedSum(ref _values.Row(start)[0], scores, sums);
        state.Add(double.CreateTruncating(TensorPrimitives.Sum<T>(scores)), sums);
    }

    /// <summary>scores[i] = &lt;query, key i&gt;.</summary>
    private static void Score(ReadOnlySpan<T> query, ref T keys, Span<T> scores)
    {
        var d = query.Length;
        ref T q = ref MemoryMarshal.GetReference(query);
        var whole = d - d % Vector512<T>.Count;
        for (var i = 0; i < scores.Length; i++)
        {
            var row = (nuint)(i * d);
            Vector512<T> even = default, odd = default;
            var j = 0;
            for (; j + 2 * Vector512<T>.Count <= whole; j += 2 * Vector512<T>.Count)
            {
                even += Vector512.LoadUnsafe(ref keys, row + (nuint)j) * Vector512.LoadUnsafe(ref q, (nuint)j);
                var next = (nuint)(j + Vector512<T>.Count);
                odd += Vector512.LoadUnsafe(ref keys, row + next) * Vector512.LoadUnsafe(ref q, next);
            }
            if (j < whole)
                even += Vector512.LoadUnsafe(ref keys, row + (nuint)j) * Vector512.LoadUnsafe(ref q, (nuint)j);
            var sum = Vector512.Sum(even + odd);
            for (j = whole; j < d; j++)
                sum += System.Runtime.CompilerServices.Unsafe.Add(ref keys, (nint)row + j) * query[j];
            scores[i] = sum;
        }
    }

    /// <summary>sums = sum_i weights[i] value i, four vectors of columns at a time with the accumulators in registers.</summary>
    private static void WeightedSum(ref T values, ReadOnlySpan<T> weights, Span<T> sums)
    {
        var columns = sums.Length;
        var lanes = Vector512<T>.Count;
        var c = 0;
        for (; c + 4 * lanes <= columns; c += 4 * lanes)
        {
            Vector512<T> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            var i = 0;
            for (; i + 2 <= weights.Length; i += 2)
            {
                var w = Vector512.Create(weights[i]);
                var at = (nuint)(i * columns + c);
                a0 += Vector512.LoadUnsafe(ref values, at) * w;
                a1 += Vector512.LoadUnsafe(ref values, at + (nuint)lanes) * w;
                a2 += Vector512.LoadUnsafe(ref values, at + (nuint)(2 * lanes)) * w;
                a3 += Vector512.LoadUnsafe(ref values, at + (nuint)(3 * lanes)) * w;
                w = Vector512.Create(weights[i + 1]);
                at += (nuint)columns;
                b0 += Vector512.LoadUnsafe(ref values, at) * w;
                b1 += Vector512.LoadUnsafe(ref values, at + (nuint)lanes) * w;
                b2 += Vector512.LoadUnsafe(ref values, at + (nuint)(2 * lanes)) * w;
                b3 += Vector512.LoadUnsafe(ref values, at + (nuint)(3 * lanes)) * w;
            }
            if (i < weights.Length)
            {
                var w = Vector512.Create(weights[i]);
                var at = (nuint)(i * columns + c);
                a0 += Vector512.LoadUnsafe(ref values, at) * w;
                a1 += Vector512.LoadUnsafe(ref values, at + (nuint)lanes) * w;
                a2 += Vector512.LoadUnsafe(ref values, at + (nuint)(2 * lanes)) * w;
                a3 += Vector512.LoadUnsafe(ref values, at + (nuint)(3 * lanes)) * w;
            }
            (a0 + b0).CopyTo(sums[c..]);
            (a1 + b1).CopyTo(sums[(c + lanes)..]);
            (a2 + b2).CopyTo(sums[(c + 2 * lanes)..]);
            (a3 + b3).CopyTo(sums[(c + 3 * lanes)..]);
        }
        for (; c + lanes <= columns; c += lanes)
        {
            Vector512<T> a = default, b = default;
            for (var i = 0; i < weights.Length; i++)
            {
                var product = Vector512.LoadUnsafe(ref values, (nuint)(i * columns + c)) * Vector512.Create(weights[i]);
                if ((i & 1) == 0)
                    a += product;
                else
                    b += product;
            }
            (a + b).CopyTo(sums[c..]);
        }
        for (; c < columns; c++)
        {
            var sum = T.Zero;
            for (var i = 0; i < weights.Length; i++)
                sum += System.Runtime.CompilerServices.Unsafe.Add(ref values, i * columns + c) * weights[i];
            sums[c] = sum;
        }
    }

    /// <summary>One query's sums so far, relative to the largest exponent seen.</summary>
    private sealed class State(int columns)
    {
        private readonly double[] _numerators = new double[columns];
        private double _denominator;

        public double Maximum { get; private set; } = double.NegativeInfinity;

        public void RaiseMaximum(double maximum)
        {
            if (maximum <= Maximum)
                return;
            var shrink = Math.Exp(Maximum - maximum);
            Maximum = maximum;
            _denominator *= shrink;
            for (var j = 0; j < _numerators.Length; j++)
                _numerators[j] *= shrink;
        }

        public void Add(double denominator, ReadOnlySpan<T> numerators)
        {
            _denominator += denominator;
            for (var j = 0; j < numerators.Length; j++)
                _numerators[j] += double.CreateTruncating(numerators[j]);
        }

        public void Write(Span<double> output)
        {
            for (var j = 0; j < _numerators.Length; j++)
                output[j] = _numerators[j] / _denominator;
        }
    }
}
