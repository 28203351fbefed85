namespace DpAttn.Attention;

/// <summary>
/// Sums rows into the exact moment matrix, the hot path of a publish. Rows are taken in blocks; each is rounded to its integers
/// first, and doubles holding integers carry the products.
/// </summary>
/// <remarks>
/// <para><b>Exactness.</b> A feature is at most 2^20 + r^(1/2) steps and a value at most 2^16 + 1 (see <see cref="MomentParameters"/>), so a
/// sum over a block of 512 rows stays below 2^46, far below 2^53: every product and partial sum is an exact integer in whatever order
/// and width it is computed, fused or not. Each block's sums are then added to 64-bit integers.</para>
/// <para><b>Layout.</b> Within a block, keys, monomials, features and values are stored coordinate by coordinate, rows side by side:
/// expanding a feature is one product of two such strips, and a moment is the dot product of two.</para>
/// </remarks>
public sealed class MomentAccumulator
{
    /// <summary>
    /// The version of the arithmetic from a row to its integers. It ends the domain of every digest that the noise of moments is bound to: another bit of any row's integers is a new
    /// number, else one secret would put the same noise on two sums of the same rows, and their difference would be bare. The frozen digests of sums in the tests are kept by
    /// this number: whoever changes a bit has to raise it to pass them.
    /// </summary>
    internal const int ArithmeticVersion = 1;

    /// <summary>Rows per block.</summary>
    internal const int BlockRows = 512;

    // A group of features is expanded, then met with every column while it is in the second-level cache.
    private const int GroupFeatures = 48;

    private readonly MomentParameters _parameters;
    private readonly RowReader _reader;
    private readonly double[] _keys;
    private readonly double[] _monomials;
    private readonly double[] _features;
    private readonly double[] _values;
    private readonly double[] _featureSums;
    private readonly int _innerMonomials;
    private readonly int _paddedColumns;

    internal MomentAccumulator(MomentParameters parameters, bool clip)
    {
        _parameters = parameters;
        _reader = new RowReader(parameters.Schema, clip);
        _innerMonomials = parameters.Basis.DegreeStarts[parameters.Kernel.Degree];
        _paddedColumns = MomentProducts.PadColumns(parameters.Schema.ValueDimension);
        _keys = new double[parameters.Schema.KeyDimension * BlockRows];
        _monomials = new double[_innerMonomials * BlockRows];
        _features = new double[GroupFeatures * BlockRows];
        _values = new double[_paddedColumns * BlockRows];
        _featureSums = new double[GroupFeatures];
    }

    /// <summary>The exact moment matrix of a row set.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">The rows; all of them are checked before the result exists, so a bad row changes nothing.</param>
    /// <param name="clip">Whether rows out of bounds are moved to the nearest point inside instead of being refused.</param>
    /// <param name="threads">How many threads sum; the result does not depend on it.</param>
    /// <param name="progress">Told the number of rows done, from any thread.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="RowRejectedException">A row breaks the bounds.</exception>
    /// <exception cref="ArgumentException">Dimensions differ from the schema's, null slots under replace-one, or more rows than the capacity.</exception>
    public static MomentMatrix Sum(
        MomentParameters parameters,
        RowSet rows,
        bool clip = false,
        int threads = 1,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Require(parameters, rows);

        var parts = (int)Math.Min(threads, (rows.Count + BlockRows - 1) / BlockRows);
        var total = MomentMatrix.Empty(parameters);
        if (parts == 1)
        {
            new MomentAccumulator(parameters, clip).AddAll(rows, 0, rows.Count, total.Sums, progress, cancellationToken);
        }
        else
        {
            var partial = new long[parts][];
            RunParts(parts, part =>
            {
                int start = PartStart(rows.Count, parts, part), end = PartStart(rows.Count, parts, part + 1);
                var sums = part == 0 ? total.Sums : new long[parameters.Dimension];
                new MomentAccumulator(parameters, clip).AddAll(rows, start, end, sums, progress, cancellationToken);
                partial[part] = sums;
            });
            for (var part = 1; part < parts; part++)
            {
                for (var i = 0; i < total.Sums.Length; i++)
                    total.Sums[i] += partial[part][i];
            }
        }
        return new MomentMatrix(parameters, total.Sums, rows.Count);
    }

    /// <summary>Adds rows to a sum in place. A sum that this throws on is of no further use.</summary>
    internal static void AddTo(MomentMatrix total, RowSet rows, bool clip, CancellationToken cancellationToken)
    {
        RowCheck.RequireShape(total.Parameters.Schema, rows);
        MomentMatrix.RequireCapacity(total.Parameters, total.Slots + rows.Count);
        new MomentAccumulator(total.Parameters, clip).AddAll(rows, 0, rows.Count, total.Sums, null, cancellationToken);
        total.AddSlots(rows.Count);
    }

    /// <summary>The exact moment matrix of a row set, with the strips of this instance.</summary>
    internal MomentMatrix SumOf(RowSet rows, CancellationToken cancellationToken)
    {
        Require(_parameters, rows);
        var sums = new long[_parameters.Dimension];
        AddAll(rows, 0, rows.Count, sums, null, cancellationToken);
        return new MomentMatrix(_parameters, sums, rows.Count);
    }

    /// <summary>The integers of one row: r features times dv + 1 augmented value entries. For tests and audits of the sensitivity.</summary>
    internal (long[] Features, long[] Values) RowIntegers(RowSet rows, int slot)
    {
        Load(rows, slot, 1);
        var features = new long[_parameters.Features];
        var values = new long[_parameters.Columns];
        values[0] = rows.IsNull(slot) ? 0 : _parameters.GammaSteps;
        for (var j = 1; j < values.Length; j++)
            values[j] = (long)_values[(j - 1) * BlockRows];
        for (var start = 0; start < features.Length; start += GroupFeatures)
        {
            var count = Math.Min(GroupFeatures, features.Length - start);
            ExpandGroup(start, count, MomentProducts.RowMultiple);
            for (var i = 0; i < count; i++)
                features[start + i] = (long)_features[i * BlockRows];
        }
        return (features, values);
    }

    private static void Require(MomentParameters parameters, RowSet rows)
    {
        RowCheck.RequireShape(parameters.Schema, rows);
        MomentMatrix.RequireCapacity(parameters, rows.Count);
    }

    private static int PartStart(int rows, int parts, int part)
    {
        var blocks = (rows + BlockRows - 1) / BlockRows;
        return (int)Math.Min(rows, (long)blocks * part / parts * BlockRows);
    }

    /// <summary>
    /// Runs the parts side by side. Every part runs to its own end, and the first part's exception comes out as it is: the lowest row is named,
    /// whichever thread found its fault first.
    /// </summary>
    private static void RunParts(int parts, Action<int> run)
    {
        var failures = new Exception?[parts];
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = parts }, part =>
        {
            try
            {
                run(part);
            }
            catch (Exception failure)
            {
                failures[part] = failure;
            }
        });
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }

    private void AddAll(RowSet rows, int start, int end, long[] sums, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        for (var row = start; row < end; row += BlockRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = Math.Min(BlockRows, end - row);
            AddBlock(rows, row, count, sums);
            progress?.Report(count);
        }
    }

    private void AddBlock(RowSet rows, int start, int count, long[] sums)
    {
        Load(rows, start, count);
        // Strips are padded with zero rows to whole vectors: they add nothing.
        var padded = (count + MomentProducts.RowMultiple - 1) / MomentProducts.RowMultiple * MomentProducts.RowMultiple;
        var columns = _parameters.Columns;
        for (var first = 0; first < _parameters.Features; first += GroupFeatures)
        {
            var features = Math.Min(GroupFeatures, _parameters.Features - first);
            ExpandGroup(first, features, padded);
            for (var i = 0; i < features; i++)
                sums[(long)(first + i) * columns] += (long)_featureSums[i] * _parameters.GammaSteps;
            MomentProducts.Add(_features, features, _values, _parameters.Schema.ValueDimension, padded, BlockRows, sums.AsSpan(first * columns), columns);
        }
    }

    /// <summary>Fills the strips of keys, weights (as the constant monomial), inner monomials and integer values.</summary>
    private void Load(RowSet rows, int start, int count)
    {
        int keyDimension = _parameters.Schema.KeyDimension, valueDimension = _parameters.Schema.ValueDimension;
        if (count < BlockRows)
        {
            Array.Clear(_keys);
            Array.Clear(_values);
            _monomials.AsSpan(0, BlockRows).Clear();
        }
        var valueScale = DeterministicMath.PowerOfTwo(_parameters.ValueExponent);
        for (var i = 0; i < count; i++)
        {
            if (!_reader.Read(rows, start + i))
            {
                ClearRow(i);
                continue;
            }
            var key = _reader.CentredKey;
            for (var j = 0; j < keyDimension; j++)
                _keys[j * BlockRows + i] = key[j];
            var value = _reader.Value;
            for (var j = 0; j < valueDimension; j++)
                _values[j * BlockRows + i] = Math.Round(value[j] * valueScale);
            _monomials[i] = Weight(key);
        }
        var basis = _parameters.Basis;
        var padded = (count + MomentProducts.RowMultiple - 1) / MomentProducts.RowMultiple * MomentProducts.RowMultiple;
        for (var a = 1; a < _innerMonomials; a++)
        {
            var product = _monomials.AsSpan(a * BlockRows, padded);
            MomentProducts.Multiply(_monomials.AsSpan(basis.Parents[a] * BlockRows, padded), _keys.AsSpan(basis.Coordinates[a] * BlockRows, padded), product);
        }
    }

    // A null row: weight 0 makes every feature 0, so it adds nothing to any column.
    private void ClearRow(int i)
    {
        for (var j = 0; j < _parameters.Schema.KeyDimension; j++)
            _keys[j * BlockRows + i] = 0;
        for (var j = 0; j < _parameters.Schema.ValueDimension; j++)
            _values[j * BlockRows + i] = 0;
        _monomials[i] = 0;
    }

    /// <summary>w(k) = exp(scale &lt;c_q, k'&gt;), products and sum in coordinate order.</summary>
    private double Weight(ReadOnlySpan<double> centredKey)
    {
        var centre = _parameters.Schema.Queries.Centre;
        var dot = 0.0;
        for (var j = 0; j < centre.Length; j++)
            dot += centre[j] * centredKey[j];
        return dot == 0 ? 1 : DeterministicMath.Exp(_parameters.Schema.Scale * dot);
    }

    /// <summary>Expands features first .. first + count - 1 of the block and their sums over its rows.</summary>
    private void ExpandGroup(int first, int count, int padded)
    {
        var basis = _parameters.Basis;
        for (var i = 0; i < count; i++)
        {
            var a = first + i;
            var feature = _features.AsSpan(i * BlockRows, padded);
            var coefficient = _parameters.KeyCoefficients[a];
            _featureSums[i] = a < _innerMonomials
                ? MomentProducts.ScaleAndRound(_monomials.AsSpan(a * BlockRows, padded), coefficient, feature)
                : MomentProducts.MultiplyScaleAndRound(
                    _monomials.AsSpan(basis.Parents[a] * BlockRows, padded), _keys.AsSpan(basis.Coordinates[a] * BlockRows, padded), coefficient, feature);
        }
    }
}
