namespace DpAttn.Attention;

/// <summary>
/// The public parameters of the moment-tree mechanism for one schema: the kernel polynomial, the feature map's
/// coefficients, the integer lattice, and the sensitivity of the moment matrix on that lattice.
/// </summary>
/// <remarks>
/// Mechanisms, sections 2 and 3. A row's weighted features z_a = 2^bf w(k) sqrt(a_j m(a)) k'^a and its augmented value
/// 2^bu (gamma, v) are rounded to integers per row; the moment matrix is the exact integer sum of their outer products.
/// </remarks>
public sealed class MomentParameters
{
    /// <summary>F: the features' magnitude is kept in [2^19, 2^20) steps.</summary>
    public const int FeatureBits = 19;

    /// <summary>U: the values' magnitude is kept in [2^15, 2^16) steps.</summary>
    public const int ValueBits = 15;

    /// <summary>The largest moment matrix that is held, in bytes; as much again is allowed for the strips of a block of rows.</summary>
    public const long LargestMatrixBytes = 1L << 30;

    // Powers of bounds stay within 2^+-400, so a feature neither overflows nor vanishes before it is rounded.
    private const int LargestPowerBits = 400;

    private MomentParameters(StoreSchema schema, KernelPolynomial kernel, int featureBits, int valueBits)
    {
        Schema = schema;
        Kernel = kernel;
        var count = MonomialBasis.CountFor(schema.KeyDimension, kernel.Degree);
        var columns = schema.ValueDimension + 1;
        var bytes = (UInt128)count * (UInt128)columns * sizeof(long);
        if (bytes > LargestMatrixBytes)
            throw new ArgumentException($"degree {kernel.Degree} in {schema.KeyDimension} dimensions has {count} features; with {columns} columns the moment matrix would take {bytes} bytes, and at most {LargestMatrixBytes} are allowed. Use a smaller degree", nameof(kernel));
        var inner = MonomialBasis.CountFor(schema.KeyDimension, kernel.Degree - 1);
        var strips = ((UInt128)inner + (UInt128)schema.KeyDimension + (UInt128)columns) * MomentAccumulator.BlockRows * sizeof(double);
        if (strips > LargestMatrixBytes)
            throw new ArgumentException($"degree {kernel.Degree} in {schema.KeyDimension} dimensions has {count} features; a block of rows would take {strips} bytes while they are expanded, and at most {LargestMatrixBytes} are allowed. Use a smaller degree", nameof(kernel));

        Basis = MonomialBasis.Create(schema.KeyDimension, kernel.Degree);
        if (!(schema.LargestLogWeight <= LargestLogWeight))
            throw new ArgumentException($"row weights would span a factor of e^{2 * schema.LargestLogWeight:G6}; centre the queries nearer to the origin (the exponent's bound is {LargestLogWeight})", nameof(schema));
        LargestWeight = DeterministicMath.Exp(schema.LargestLogWeight) * (1 + 1e-12);

        var featureNorm = Math.Sqrt(kernel.MagnitudeSum) * LargestWeight;
        FeatureExponent = featureBits - Math.ILogB(featureNorm);
        ValueExponent = valueBits - Math.ILogB(schema.Values.BoundingRadius);
        Gamma = schema.Adjacency == Adjacency.ReplaceOne
            ? schema.Values.BoundingRadius
            : schema.Values.BoundingRadius / Math.Sqrt(Math.Sqrt(schema.ValueDimension));
        GammaSteps = Math.Max(1, (long)Math.Round(Math.ScaleB(Gamma, ValueExponent)));
        FeatureNormSteps = Math.ScaleB(featureNorm, FeatureExponent) * (1 + 1e-12);
        (KeyCoefficients, QueryCoefficients) = BuildCoefficients();
        Sensitivity = MomentSensitivity.For(this);
    }

    /// <summary>The largest ln w(k) that is supported.</summary>
    public const double LargestLogWeight = 64;

    /// <summary>The schema.</summary>
    public StoreSchema Schema { get; }

    /// <summary>The polynomial that stands for the exponential.</summary>
    public KernelPolynomial Kernel { get; }

    /// <summary>r = C(d + s, s).</summary>
    public int Features => Basis.Count;

    /// <summary>dv + 1: column 0 is the denominator.</summary>
    public int Columns => Schema.ValueDimension + 1;

    /// <summary>How many integers a release has.</summary>
    public long Dimension => (long)Features * Columns;

    /// <summary>bf: features are multiples of 2^-bf.</summary>
    public int FeatureExponent { get; }

    /// <summary>bu: values are multiples of 2^-bu.</summary>
    public int ValueExponent { get; }

    /// <summary>gamma: the denominator's share of an augmented value, B_v under replace-one, B_v dv^(-1/4) under add-remove.</summary>
    public double Gamma { get; }

    /// <summary>gamma in steps, the integer nearest to 2^bu gamma and at least 1; decoding divides by it.</summary>
    public long GammaSteps { get; }

    /// <summary>w_max: an upper bound of a row's weight.</summary>
    public double LargestWeight { get; }

    /// <summary>2^bf sqrt(A) w_max: an upper bound of the norm of a row's weighted features before rounding, in steps.</summary>
    public double FeatureNormSteps { get; }

    /// <summary>The sensitivity of the moment matrix and how it is put together.</summary>
    public MomentSensitivity Sensitivity { get; }

    /// <summary>
    /// How much the lattice may add, in l2 norm, to the kernel's error of an answer: the rounding of features moves a row's weight by at most
    /// sqrt(A) (sqrt(r)/2 + fp) 2^-bf, relative to the smallest weight exp(-scale |q| B_k), and a rounded value lies within sqrt(dv) 2^-bu / 2.
    /// Rows that are not all alike round each their own way and stay far below it.
    /// </summary>
    public double RoundingErrorBound
    {
        get
        {
            var weight = Math.Sqrt(Kernel.MagnitudeSum) * (Math.Sqrt(Features) / 2 + MomentSensitivity.FloatingPointSteps(this)) * Math.ScaleB(1, -FeatureExponent);
            var smallest = SmallestKernel(Schema.LargestQueryNorm);
            var kernel = KernelPolynomial.AnswerErrorFor(Kernel.RelativeError + weight / smallest * (1 + 1e-9));
            var bound = (kernel - Kernel.AnswerErrorPerUnit) * Schema.Values.BoundingRadius + Math.Sqrt(Schema.ValueDimension) / 2 * Math.ScaleB(1, -ValueExponent);
            return Math.Min(bound, 2 * Schema.Values.BoundingRadius);
        }
    }

    /// <summary>exp(-scale |q| B_k), q uncentred: the least that exp(scale &lt;q, k'&gt;) can be.</summary>
    internal double SmallestKernel(double queryNorm) =>
        DeterministicMath.Exp(-Math.Min(Schema.Scale * queryNorm * Schema.Keys.BoundingRadius, DeterministicMath.LargestExponent));

    internal MonomialBasis Basis { get; }

    /// <summary>2^bf sqrt(a_j m(a)) per feature.</summary>
    internal double[] KeyCoefficients { get; }

    /// <summary>(c_j scale^j / sqrt(a_j)) sqrt(m(a)) per feature.</summary>
    internal double[] QueryCoefficients { get; }

    /// <summary>
    /// The parameters for a schema.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The kernel's error is 1 or more, the features do not fit in memory, or a full store could overflow 64 bits.
    /// </exception>
    public static MomentParameters Create(StoreSchema schema, int degree, KernelMethod method = KernelMethod.Minimax)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var kernel = KernelPolynomial.Fit(method, schema.Interval, degree);
        if (!(kernel.RelativeError < 1))
            throw new ArgumentException($"a {method} polynomial of degree {degree} has a relative error of {kernel.RelativeError:G3} on [-{kernel.Interval:G6}, {kernel.Interval:G6}]; it must be below 1. Use a higher degree or a smaller scale", nameof(degree));
        var parameters = new MomentParameters(schema, kernel, FeatureBits, ValueBits);
        parameters.RequireNoOverflow(0);
        return parameters;
    }

    /// <summary>The parameters for a kernel or a lattice that may be unfit for service: for tests of the sensitivity.</summary>
    internal static MomentParameters CreateUnchecked(StoreSchema schema, KernelPolynomial kernel, int featureBits = FeatureBits, int valueBits = ValueBits) =>
        new(schema, kernel, featureBits, valueBits);

    /// <summary>
    /// Refuses a ladder under which a full store's sum and 64 deviations of its worst noise could leave 64 bits. A run-time
    /// overflow error would depend on rows; this one depends on the schema alone.
    /// </summary>
    /// <exception cref="ArgumentException">The capacity is too large; the message names the largest that fits.</exception>
    public void RequireNoOverflow(Privacy.NoiseVariance worst) => RequireNoOverflow(worst, 1);

    /// <summary>The same where the noise of several nodes is added up.</summary>
    internal void RequireNoOverflow(Privacy.NoiseVariance worst, int nodes) => RequireNoOverflow(64.0 * nodes * Math.Ceiling(worst.Sigma.Value * (1 + 1e-12)));

    private void RequireNoOverflow(double noise)
    {
        var largest = (Int128)(Math.Ceiling(FeatureNormSteps) + 1) * (Int128)LargestValueSteps;
        var room = ((Int128)1 << 63) - 1 - (Int128)noise;
        if (room < largest * Schema.Capacity)
            throw new ArgumentException($"a capacity of {Schema.Capacity} rows could overflow the 64-bit sums; at most {(room < 0 ? 0 : room / largest)} rows fit this schema and ladder");
    }

    /// <summary>The largest magnitude of one entry of an integer augmented value.</summary>
    internal long LargestValueSteps =>
        Math.Max(GammaSteps, (long)Math.Ceiling(Math.ScaleB(Schema.Values.LargestEntry, ValueExponent)) + 1);

    private (double[] Keys, double[] Queries) BuildCoefficients()
    {
        var keys = new double[Features];
        var queries = new double[Features];
        var ratio = Schema.Scale * Schema.Queries.BoundingRadius / Schema.Keys.BoundingRadius;
        double ratioPower = 1, scalePower = 1, keyPower = 1, queryPower = 1;
        for (var j = 0; j <= Kernel.Degree; j++)
        {
            var c = Kernel.Coefficients[j];
            // a_j = |c_j| (scale B_q / B_k)^j; a coefficient of 0 drops its degree.
            var a = Math.Abs(c) * ratioPower;
            if (c != 0)
                RequireWithinDoubles(j, a, scalePower, keyPower, queryPower);
            for (var i = Basis.DegreeStarts[j]; i < Basis.DegreeStarts[j + 1]; i++)
            {
                var m = Basis.Multinomials[i];
                keys[i] = a == 0 ? 0 : Math.ScaleB(Math.Sqrt(a * m), FeatureExponent);
                queries[i] = a == 0 ? 0 : c * scalePower / Math.Sqrt(a) * Math.Sqrt(m);
            }
            ratioPower *= ratio;
            scalePower *= Schema.Scale;
            keyPower *= Schema.Keys.BoundingRadius;
            queryPower *= Schema.Queries.BoundingRadius;
        }
        return (keys, queries);
    }

    private static void RequireWithinDoubles(int degree, params ReadOnlySpan<double> powers)
    {
        foreach (var power in powers)
        {
            if (!(power >= Math.ScaleB(1, -LargestPowerBits) && power <= Math.ScaleB(1, LargestPowerBits)))
                throw new ArgumentException($"features of degree {degree} would leave the range of doubles; state keys, queries and scale in units nearer to 1, or use a smaller degree", nameof(degree));
        }
    }
}
