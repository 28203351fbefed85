using System.Numerics.Tensors;

namespace DpAttn.Attention.Comparison;

/// <summary>
/// DPTreeCrossAttention calibrated as the seed paper publishes it (<c>calibration: paper</c>), to measure its error against that of the joint calibration. <b>Not private, and never served</b>: the type is internal, a
/// test keeps the service from naming it, and its noise is floating-point and drawn from <see cref="Random"/>: nothing of it is ever released.
/// </summary>
/// <remarks>
/// What is the paper's: truncated Laplace noise on each node; advanced composition over the levels, coordinates, value columns and copies; one common grid range [0, max P_a] for all r features, the constant one
/// included; intervals that begin where the last one ended, each a range of up to 2 log m nodes; a denominator and scalar sums without noise. Where it leaves a choice, the one that makes the noise smaller is
/// taken: a node's sensitivity is R_w, though replacing a row may change one by 2 R_w, and one path of nodes is counted, though it may change two.
/// </remarks>
internal sealed class PaperDistanceTree
{
    private readonly StoreSchema _schema;
    private readonly TaylorFeatures _features;
    private readonly DistanceGrid _grid;
    private readonly double _alpha;
    private readonly int _copies;
    private readonly double[][] _nodes;
    private readonly double[] _counts;
    private readonly double[] _squares;

    private PaperDistanceTree(StoreSchema schema, int degree, double alpha, int gridCells, int copies)
    {
        (_schema, _alpha, _copies) = (schema, alpha, copies);
        _features = new TaylorFeatures(schema.KeyDimension, degree, schema.Scale);
        _grid = DistanceGrid.Over(0, _features.RangesOver(schema.Keys).Max(range => range.High), int.Log2(gridCells));
        _nodes = [.. Enumerable.Range(0, _features.Count).Select(_ => new double[2 * gridCells * Columns])];
        (_counts, _squares) = (new double[Columns], new double[Columns]);
    }

    private int Columns => _schema.ValueDimension + 1;

    /// <summary>Init.</summary>
    /// <param name="schema">Keys and queries in boxes that do not go below 0: the paper's domain is [0, R]^d.</param>
    /// <param name="degree">s.</param>
    /// <param name="alpha">Above 0.</param>
    /// <param name="gridCells">m, a power of two.</param>
    /// <param name="copies">l, odd.</param>
    /// <param name="rows">The rows.</param>
    /// <exception cref="ArgumentException">Another domain, or numbers that <see cref="DistanceTreeParameters.Create"/> refuses.</exception>
    public static PaperDistanceTree Create(StoreSchema schema, int degree, double alpha, int gridCells, int copies, RowSet rows)
    {
        _ = DistanceTreeParameters.CreateUnchecked(schema, degree, alpha, gridCells, copies, DistanceTreeParameters.FeatureBits, DistanceTreeParameters.ValueBits);
        if (alpha == 0)
            throw new ArgumentOutOfRangeException(nameof(alpha), "the paper's distances need an alpha above 0");
        foreach (var region in new[] { schema.Keys, schema.Queries })
        {
            if (!region.IsBox || region.Low.ContainsAnyInRange(double.NegativeInfinity, -double.Epsilon))
                throw new ArgumentException("the paper's domain is a box that does not go below 0", nameof(schema));
        }
        var tree = new PaperDistanceTree(schema, degree, alpha, gridCells, copies);
        tree.Add(rows);
        return tree;
    }

    /// <summary>The noise of a node of a value column at (epsilon, delta).</summary>
    public TruncatedLaplace NoiseAt(double epsilon, double delta) =>
        TruncatedLaplace.Composed(_schema.Values.LargestEntry, epsilon, delta, (double)_grid.Shape.Levels * _features.Count * _schema.ValueDimension * _copies);

    /// <summary>Query: the answer of the release with a seed, clipped to the value bound; null for no noise.</summary>
    public double[] Answer(ReadOnlySpan<double> query, TruncatedLaplace? noise, int seed)
    {
        var features = new double[_features.Count];
        _features.Expand(query, features);
        var querySquare = 0.0;
        var totals = new double[_copies][];
        for (var copy = 0; copy < _copies; copy++)
            totals[copy] = new double[Columns];
        for (var a = 0; a < features.Length; a++)
        {
            var step = _grid.StepOf(features[a]);
            querySquare += _grid.Spacing * _grid.Spacing * step * step;
            foreach (var (from, to, near, far) in Intervals(step))
            {
                var distance = _grid.Spacing * _grid.Spacing * (near * near + far * far) / 2;
                foreach (var node in _grid.Shape.NodesOf(from, to))
                    AddNode(a, node, distance, noise, seed, totals);
            }
        }
        var output = new double[_schema.ValueDimension];
        var sample = new double[_copies];
        for (var j = 0; j < output.Length; j++)
        {
            for (var copy = 0; copy < _copies; copy++)
                sample[copy] = (_squares[j + 1] + querySquare * _counts[j + 1] - totals[copy][j + 1]) / (_squares[0] + querySquare * _counts[0] - totals[copy][0]);
            Array.Sort(sample);
            output[j] = sample[_copies / 2];
        }
        _schema.Values.ClipEstimate(output);
        return output;
    }

    private void AddNode(int feature, long node, double distance, TruncatedLaplace? noise, int seed, double[][] totals)
    {
        var sums = _nodes[feature].AsSpan((int)node * Columns, Columns);
        for (var copy = 0; copy < _copies; copy++)
        {
            TensorPrimitives.MultiplyAdd(sums, distance, totals[copy], totals[copy]);
            if (noise is not { } laplace)
                continue;
            // Drawn by address, so that a node has one noise in a release; seeds are mixed by a fixed odd multiplier each.
            var random = new Random(unchecked((int)(seed * 0x9E3779B1L + copy * 0x85EBCA77L + feature * 0xC2B2AE3DL + node * 0x27D4EB2FL)));
            for (var c = 1; c < Columns; c++)
                totals[copy][c] += distance * laplace.Draw(random);
        }
    }

    /// <summary>[from, to) of points on each side of y whose distances in steps grow by at most 1 + alpha; the point at y counts nothing.</summary>
    private IEnumerable<(long From, long To, double Near, double Far)> Intervals(long step)
    {
        var place = step - _grid.LowStep;
        for (var near = Math.Max(1, place - _grid.Shape.Leaves + 1); near <= place;)
        {
            var far = Math.Min(place, Math.Max(near, (long)(near * (1 + _alpha))));
            yield return (place - far, place - near + 1, near, far);
            near = far + 1;
        }
        var last = _grid.Shape.Leaves - 1 - place;
        for (var near = Math.Max(1, -place); near <= last;)
        {
            var far = Math.Min(last, Math.Max(near, (long)(near * (1 + _alpha))));
            yield return (place + near, place + far + 1, near, far);
            near = far + 1;
        }
    }

    private void Add(RowSet rows)
    {
        var reader = new RowReader(_schema, clip: false);
        var (key, features, value) = (new double[_schema.KeyDimension], new double[_features.Count], new double[Columns]);
        value[0] = 1;
        RowCheck.RequireShape(_schema, rows);
        for (var slot = 0; slot < rows.Count; slot++)
        {
            if (!reader.Read(rows, slot))
                continue;
            TensorPrimitives.Add(reader.CentredKey, _schema.Keys.Centre, key);
            reader.Value.CopyTo(value.AsSpan(1));
            _features.Expand(key, features);
            var square = 0.0;
            for (var a = 0; a < features.Length; a++)
            {
                var cell = _grid.CellOf(features[a]);
                square += _grid.PointOf(cell) * _grid.PointOf(cell);
                for (var node = _grid.Shape.LeafNode(cell); node >= 1; node >>= 1)
                {
                    var sums = _nodes[a].AsSpan((int)node * Columns, Columns);
                    TensorPrimitives.Add(sums, value, sums);
                }
            }
            TensorPrimitives.Add(_counts, value, _counts);
            TensorPrimitives.MultiplyAdd(value, square, _squares, _squares);
        }
    }
}
