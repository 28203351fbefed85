using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;

namespace DpAttn.Attention;

/// <summary>
/// Sums rows onto the grid. A block of rows is read first, each row to its integers: the grid points of its features, its rounded |P|^2, and its value in steps. Then the
/// features are shared among the threads, each adding the block's values to its own points: no two threads touch one number, and integer sums have no order.
/// </summary>
internal sealed class DistanceTreeAccumulator
{
    private const int BlockRows = 1024;

    private readonly DistanceTreeParameters _parameters;
    private readonly int _threads;
    private readonly Reader[] _readers;
    private readonly int[] _cells;
    private readonly long[] _squares;
    private readonly long[] _values;

    public DistanceTreeAccumulator(DistanceTreeParameters parameters, bool clip, int threads)
    {
        (_parameters, _threads) = (parameters, threads);
        _readers = [.. Enumerable.Range(0, threads).Select(_ => new Reader(parameters, clip))];
        _cells = new int[BlockRows * parameters.Features];
        _squares = new long[BlockRows];
        _values = new long[BlockRows * parameters.Columns];
    }

    public void AddAll(RowSet rows, long[] numbers, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        for (var start = 0; start < rows.Count; start += BlockRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = Math.Min(BlockRows, rows.Count - start);
            Run(part => Load(rows, start, count * part / _threads, count * (part + 1) / _threads, _readers[part]));
            Run(part => AddFeatures(count, 1 + (int)((_parameters.Features - 1L) * part / _threads), 1 + (int)((_parameters.Features - 1L) * (part + 1) / _threads), numbers));
            AddScalars(count, numbers);
            progress?.Report(count);
        }
    }

    private void Load(RowSet rows, int start, int from, int to, Reader reader)
    {
        int features = _parameters.Features, columns = _parameters.Columns;
        for (var i = from; i < to; i++)
            reader.Read(rows, start + i, _cells.AsSpan(i * features, features), out _squares[i], _values.AsSpan(i * columns, columns));
    }

    private void AddFeatures(int count, int from, int to, long[] numbers)
    {
        int features = _parameters.Features, columns = _parameters.Columns;
        var exact = _parameters.IsExact;
        var perFeature = (long)DistanceTreeSums.LeavesPerFeature(_parameters) * columns;
        var scaled = new long[columns];
        for (var a = from; a < to; a++)
        {
            var first = DistanceTreeSums.LeafStart(_parameters) + (a - 1) * perFeature;
            var low = _parameters.Grids[a].LowStep;
            for (var i = 0; i < count; i++)
            {
                var cell = _cells[i * features + a];
                ReadOnlySpan<long> value = _values.AsSpan(i * columns, columns);
                if (exact)
                {
                    TensorPrimitives.Multiply(value, _parameters.Scales.FeatureSteps(_parameters.Grids[a], low + cell), scaled);
                    value = scaled;
                }
                var sum = numbers.AsSpan((int)(first + (exact ? 0 : (long)cell * columns)), columns);
                TensorPrimitives.Add(sum, value, sum);
            }
        }
    }

    private void AddScalars(int count, long[] numbers)
    {
        var columns = _parameters.Columns;
        var scaled = new long[columns];
        Span<long> sum = numbers.AsSpan(0, columns), squares = _parameters.IsExact ? [] : numbers.AsSpan(columns, columns);
        for (var i = 0; i < count; i++)
        {
            ReadOnlySpan<long> value = _values.AsSpan(i * columns, columns);
            TensorPrimitives.Add(sum, value, sum);
            if (squares.IsEmpty)
                continue;
            TensorPrimitives.Multiply(value, _squares[i], scaled);
            TensorPrimitives.Add(squares, scaled, squares);
        }
    }

    /// <summary>Runs the parts side by side to their ends; the first part's exception comes out as it is, so the lowest bad row is named.</summary>
    private void Run(Action<int> part)
    {
        if (_threads == 1)
        {
            part(0);
            return;
        }
        var failures = new Exception?[_threads];
        Parallel.For(0, _threads, new ParallelOptions { MaxDegreeOfParallelism = _threads }, i =>
        {
            try
            {
                part(i);
            }
            catch (Exception failure)
            {
                failures[i] = failure;
            }
        });
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
            ExceptionDispatchInfo.Throw(first);
    }

    /// <summary>One row to its integers, in a fixed order of IEEE operations.</summary>
    private sealed class Reader(DistanceTreeParameters parameters, bool clip)
    {
        private readonly RowReader _reader = new(parameters.Schema, clip);
        private readonly double[] _key = new double[parameters.Schema.KeyDimension];
        private readonly double[] _features = new double[parameters.Features];
        private readonly double _valueScale = DeterministicMath.PowerOfTwo(parameters.ValueExponent);

        public void Read(RowSet rows, int slot, Span<int> cells, out long square, Span<long> values)
        {
            square = 0;
            // A null row has the weight 0 in every column: it adds nothing, wherever.
            cells.Clear();
            values.Clear();
            if (!_reader.Read(rows, slot))
                return;
            var centre = parameters.Schema.Keys.Centre;
            for (var j = 0; j < _key.Length; j++)
                _key[j] = _reader.CentredKey[j] + centre[j];
            parameters.Taylor.Expand(_key, _features);
            var squares = 0.0;
            for (var a = 1; a < _features.Length; a++)
            {
                var cell = parameters.Grids[a].CellOf(_features[a]);
                cells[a] = (int)cell;
                var point = parameters.Grids[a].PointOf(cell);
                squares += point * point;
            }
            square = Math.Min((long)Math.Round(squares * parameters.Scales.SquareSteps), parameters.LargestSquareSteps);
            values[0] = parameters.GammaSteps;
            var value = _reader.Value;
            for (var j = 0; j < value.Length; j++)
                values[j + 1] = (long)Math.Round(value[j] * _valueScale);
        }
    }
}
