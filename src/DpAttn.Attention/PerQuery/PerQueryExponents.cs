namespace DpAttn.Attention;

/// <summary>
/// What rows are multiplied with: per query s = scale q, in the unit of the rows' keys, and M, the largest exponent that a key of the region can have. A public function of
/// the query, the same bits on every machine.
/// </summary>
internal sealed class PerQueryExponents
{
    // With keys of at least 2^-64 or 0, no product is subnormal.
    private const double SmallestMagnitude = 1.0 / (1L << 40) / (1L << 40);

    private PerQueryExponents(int count, int dimension, double keyRadius)
    {
        (Count, Dimension, KeyRadius) = (count, dimension, keyRadius);
        Scaled = new double[(long)count * dimension];
        Bounds = new double[count];
        Norms = new double[count];
    }

    /// <summary>Queries.</summary>
    public int Count { get; }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>B_k in units of the keys, rounded up, single precision included.</summary>
    public double KeyRadius { get; }

    /// <summary>M per query, rounded up.</summary>
    public double[] Bounds { get; }

    /// <summary>|s| per query.</summary>
    public double[] Norms { get; }

    private double[] Scaled { get; }

    public static PerQueryExponents For(PerQueryParameters parameters, Matrix<double> queries)
    {
        const double RoundUp = 1 + 1e-12;
        var schema = parameters.Schema;
        var keys = schema.Keys;
        var dimension = schema.KeyDimension;
        var widening = (1 + PerQueryParameters.KeyRounding) * (1 + (dimension + 8) * DeterministicMath.Ulp);
        var exponents = new PerQueryExponents(queries.Rows, dimension, Math.ScaleB(keys.BoundingRadius, -parameters.KeyExponent) * widening * RoundUp);
        for (var l = 0; l < queries.Rows; l++)
        {
            var query = queries.Row(l);
            var scaled = exponents.Scaled.AsSpan(l * dimension, dimension);
            double squares = 0, box = 0;
            for (var j = 0; j < dimension; j++)
            {
                var s = Math.ScaleB(schema.Scale * query[j], parameters.KeyExponent);
                if (Math.Abs(s) < SmallestMagnitude)
                    s = 0;
                scaled[j] = s;
                squares += s * s;
                if (keys.IsBox)
                    box += Math.Abs(s) * Math.ScaleB(keys.HalfWidths[j], -parameters.KeyExponent);
            }
            exponents.Norms[l] = Math.Sqrt(squares);
            exponents.Bounds[l] = keys.IsBox ? box * widening : exponents.Norms[l] * exponents.KeyRadius * widening;
        }
        return exponents;
    }

    /// <summary>s of one query.</summary>
    public ReadOnlySpan<double> Of(int query) => Scaled.AsSpan(query * Dimension, Dimension);
}
