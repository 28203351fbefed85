using System.Numerics;

namespace DpAttn.Attention;

/// <summary>
/// The public parameters of the per-query mechanism for one schema: the integer lattice of kernel weights and values, and what one query's sums may
/// change by on it. The kernel is the exponential itself, so any scale and any number of key dimensions fit.
/// </summary>
/// <remarks>
/// Mechanisms, section 6.3. A query's sums are sum_i w_i (g, round(2^bu v_i)) with w_i = min(round(2^b kappa'_i), 2^b) and
/// kappa'_i = exp(scale (&lt;q, k'_i&gt; - |q| B_k)) for a ball of keys, exp(scale (&lt;q, k'_i&gt; - sum_j |q_j| h_j)) for a box of half widths h; q is
/// uncentred and k' = k - c_k. The factor between kappa' and the kernel is public, the same for all rows, and cancels in the answer.
/// </remarks>
public sealed class PerQueryParameters
{
    /// <summary>The most queries of one request, equal ones included.</summary>
    public const int MostQueries = 1024;

    /// <summary>The most numbers of one request: queries times (dv + 1).</summary>
    public const int MostNumbers = 1 << 17;

    /// <summary>b at most: kernel weights are multiples of 2^-24. Fuller stores have a coarser lattice, so that sums keep within 64 bits.</summary>
    public const int LargestKernelExponent = 24;

    /// <summary>b at least; a capacity that needs less is refused.</summary>
    public const int SmallestKernelExponent = 16;

    /// <summary>Values are kept in [2^15, 2^16) steps.</summary>
    public const int ValueBits = 15;

    /// <summary>scale |q| B_k at most: beyond it doubles no longer give an exponent to a thousandth.</summary>
    public const double LargestExponentBound = 1 << 20;

    /// <summary>Keys are held in single precision: no coordinate, and so no norm, grows by more than this relatively.</summary>
    internal const double KeyRounding = 1.0 / (1 << 23);

    private const double RoundUp = 1 + 1e-12;

    // What a full store's sums may take of 63 bits; the rest is the noise's.
    private const int SumBits = 62;

    private PerQueryParameters(StoreSchema schema, int? kernelExponent)
    {
        Schema = schema;
        LargestExponent = schema.Scale * schema.LargestQueryNorm * schema.Keys.BoundingRadius * (1 + 2 * KeyRounding);
        if (!(LargestExponent <= LargestExponentBound))
            throw new ArgumentException($"scale x query norm x key radius is {LargestExponent:G4}; at most {LargestExponentBound} is supported. Use a smaller scale or nearer bounds", nameof(schema));
        if (Columns > MostNumbers)
            throw new ArgumentException($"values have {schema.ValueDimension} columns; one answer may have {MostNumbers} numbers", nameof(schema));

        var radius = schema.Values.BoundingRadius;
        ValueExponent = ValueBits - Math.ILogB(radius);
        ValueNormSteps = (Math.ScaleB(radius, ValueExponent) + Math.Sqrt(schema.ValueDimension) / 2) * RoundUp;
        var replaceOne = schema.Adjacency == Adjacency.ReplaceOne;
        Gamma = replaceOne ? radius : radius / Math.Sqrt(Math.Sqrt(schema.ValueDimension));
        GammaSteps = (long)Math.Ceiling(replaceOne ? ValueNormSteps : Math.ScaleB(Gamma, ValueExponent));
        LargestValueSteps = Math.Max(GammaSteps, (long)Math.Ceiling(Math.ScaleB(schema.Values.LargestEntry, ValueExponent)) + 1);

        var entryBits = BitOperations.Log2((ulong)LargestValueSteps) + 1;
        var capacityBits = BitOperations.Log2((ulong)schema.Capacity) + 1;
        KernelExponent = kernelExponent ?? Math.Min(LargestKernelExponent, SumBits - entryBits - capacityBits);
        if (kernelExponent is null && KernelExponent < SmallestKernelExponent)
            throw new ArgumentException($"a capacity of {schema.Capacity} rows could overflow the 64-bit sums; at most {(1L << (SumBits - entryBits - SmallestKernelExponent)) - 1} rows fit a per-query store of this schema", nameof(schema));

        KeyExponent = Math.ILogB(schema.Keys.BoundingRadius);
        (Sensitivity, QuerySensitivity) = (new PerQuerySensitivity(this), PerQuerySensitivity.OfPlain(this, 1));
        Fingerprint = MakeFingerprint();
    }

    /// <summary>The schema.</summary>
    public StoreSchema Schema { get; }

    /// <summary>dv + 1: column 0 is the denominator.</summary>
    public int Columns => Schema.ValueDimension + 1;

    /// <summary>b: kernel weights are integers from 0 to 2^b.</summary>
    public int KernelExponent { get; }

    /// <summary>bu: values are multiples of 2^-bu.</summary>
    public int ValueExponent { get; }

    /// <summary>gamma: the denominator's share of an augmented value, B_v under replace-one, B_v dv^(-1/4) under add-remove.</summary>
    public double Gamma { get; }

    /// <summary>
    /// g, gamma in steps, rounded up: under replace-one ceil(2^bu B_v + sqrt(dv)/2), at least the norm of any integer value, so that no two rows'
    /// integer augmented values point away from each other; under add-remove ceil(2^bu gamma). Decoding divides by it.
    /// </summary>
    public long GammaSteps { get; }

    /// <summary>The integer l2 sensitivity of the sums of one query, rounded up.</summary>
    public BigInteger QuerySensitivity { get; }

    /// <summary>scale |q| B_k of the farthest query: rows' exponents lie between minus twice this and 0.</summary>
    public double LargestExponent { get; }

    /// <summary>
    /// How far the noise-free answer may be from exact attention, in l2 norm, for the sharpest query and the least favourable rows: a weight is off by
    /// half a step and by the single precision of keys, relative to the smallest weight exp(-2 scale |q| B_k), and a value by sqrt(dv) 2^-bu / 2. Rows that
    /// are not all at the far end stay far below it.
    /// </summary>
    public double RoundingErrorBound
    {
        get
        {
            var radius = Schema.Values.BoundingRadius;
            var exponentError = LargestExponent * KeyRounding + 2 * PerQuerySensitivity.ExponentError(this);
            var relative = Math.ScaleB(1, -KernelExponent - 1) / SmallestKernel(LargestExponent) + 2 * exponentError;
            return Math.Min(2 * radius, KernelPolynomial.AnswerErrorFor(relative * RoundUp) * radius + Math.Sqrt(Schema.ValueDimension) / 2 * Math.ScaleB(1, -ValueExponent));
        }
    }

    /// <summary>2^bu B_v + sqrt(dv)/2, rounded up: no integer value has a larger l2 norm.</summary>
    internal double ValueNormSteps { get; }

    /// <summary>The largest magnitude of one entry of an integer augmented value.</summary>
    internal long LargestValueSteps { get; }

    /// <summary>Keys are held in units of 2^e, in which B_k lies in [1, 2).</summary>
    internal int KeyExponent { get; }

    internal PerQuerySensitivity Sensitivity { get; }

    /// <summary>A digest of everything that a row's integers and their sensitivity depend on.</summary>
    internal byte[] Fingerprint { get; }

    /// <summary>The parameters for a schema.</summary>
    /// <exception cref="ArgumentException">
    /// Exponents beyond 2^20, values with more columns than one answer may have, or a capacity whose sums could leave 64 bits; the message names the bound.
    /// </exception>
    public static PerQueryParameters Create(StoreSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new PerQueryParameters(schema, null);
    }

    /// <summary>The parameters for a lattice of kernel weights that may be unfit for service: for tests of the sensitivity.</summary>
    internal static PerQueryParameters CreateUnchecked(StoreSchema schema, int kernelExponent) => new(schema, kernelExponent);

    /// <summary>
    /// Refuses noise with which a full store's sums, and 64 deviations beside them, could leave 64 bits. A run-time overflow error would depend on rows;
    /// this one depends on the schema and the noise alone.
    /// </summary>
    /// <exception cref="ArgumentException">The noise is too wide; the message names the capacity that it would fit.</exception>
    public void RequireNoOverflow(Privacy.NoiseVariance worst)
    {
        var largest = ((Int128)1 << KernelExponent) * LargestValueSteps;
        var room = ((Int128)1 << 63) - 1 - (Int128)(64 * Math.Ceiling(worst.Sigma.Value * RoundUp));
        if (room < largest * Schema.Capacity)
            throw new ArgumentException($"a capacity of {Schema.Capacity} rows could overflow the 64-bit sums beside noise of this width; at most {(room < 0 ? 0 : room / largest)} rows fit. Ask fewer queries at once, or at a larger epsilon");
    }

    /// <summary>exp(-2 M): the least that a query's kappa' can be, M its largest exponent. Held above e^-128, far below half a step, where dividing by it is safe.</summary>
    internal static double SmallestKernel(double exponent) => DeterministicMath.Exp(-Math.Min(2 * exponent, 128));

    private byte[] MakeFingerprint()
    {
        using var hash = new CanonicalHash("dpattn per-query parameters 1");
        hash.Append(Schema);
        hash.Append(KernelExponent);
        hash.Append(ValueExponent);
        hash.Append(GammaSteps);
        hash.Append(PerQuerySums.Version);
        return hash.Finish();
    }
}
