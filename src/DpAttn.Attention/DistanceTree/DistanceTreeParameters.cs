using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// The public parameters of the distance-tree mechanism for one schema: features, grids, the integer weights of its parts, and the joint sensitivity.
/// </summary>
/// <remarks>
/// Mechanisms, section 6.2. A part is one published vector of dv + 1 columns: the sum of weights (part 0), that of w |P|^2 (part 1), and every node but the root of
/// the tree of every feature but the constant; in the exact variant the sum of weights and one sum of w x per feature.
/// </remarks>
public sealed class DistanceTreeParameters
{
    /// <summary>F: the norm of a row's contribution before its value is kept near 2^19 steps.</summary>
    public const int FeatureBits = 19;

    /// <summary>U: the values' magnitude is kept in [2^15, 2^16) steps.</summary>
    public const int ValueBits = 15;

    /// <summary>The largest exact sums that are held, in bytes; the nodes above the leaves take as much again.</summary>
    public const long LargestSumBytes = 1L << 30;

    /// <summary>The finest and the coarsest alpha above 0; a finer one would take nearly every point of a grid for a node of its own, and 0 is exact.</summary>
    public const double SmallestAlpha = 1.0 / 128, LargestAlpha = 16;

    /// <summary>The most copies.</summary>
    public const int LargestCopies = 99;

    /// <summary>Part 0: the sum of weights of every column, which is also the root of every tree.</summary>
    internal const long CountPart = 0;

    /// <summary>Part 1: the sum of w |P|^2; the exact variant has none.</summary>
    internal const long SquarePart = 1;

    private DistanceTreeParameters(StoreSchema schema, int degree, double alpha, int gridCells, int copies, int featureBits, int valueBits)
    {
        (Schema, Degree, Alpha, GridCells, Copies) = (schema, degree, alpha, gridCells, copies);
        (LargestKeyNormSquare, LargestQueryNormSquare) = (DistanceTreeDomain.LargestSquare(schema.Keys), DistanceTreeDomain.LargestSquare(schema.Queries));
        (LowestExponent, LargestExponent) = DistanceTreeDomain.Exponents(schema);
        var (lowestRatio, _) = DistanceTreeErrorBound.TaylorRange(degree, LowestExponent, LargestExponent);
        if (!(lowestRatio > 0))
            throw new ArgumentException($"Taylor's polynomial of degree {degree} is not positive on [{LowestExponent:G6}, {LargestExponent:G6}]: its relative error is 1 or more. Use an even degree or a smaller scale", nameof(degree));
        RequireFits();

        Taylor = new TaylorFeatures(schema.KeyDimension, degree, schema.Scale);
        (Grids, QueryRanges) = BuildGrids();
        // A box's largest squares are met on its grid exactly; a ball's are bounded by it.
        double onGrid = 0, spacings = 0;
        for (var a = 1; a < Features; a++)
        {
            var largest = Grids[a].Spacing * Grids[a].LargestStep;
            onGrid += largest * largest;
            spacings += Grids[a].Spacing * Grids[a].Spacing;
        }
        var root = Math.Sqrt(Taylor.LargestSquare(LargestKeyNormSquare)) + Math.Sqrt(spacings) / 2;
        LargestKeySquare = Math.Min(onGrid, root * root) * (1 + 1e-12);
        PlanBounds = IsExact ? null : DistancePlanBounds.For(Grids[1].Shape, alpha);
        Scales = DistanceTreeScales.For(Grids, PlanBounds, LargestKeySquare, Taylor.LargestSquare(LargestQueryNormSquare), featureBits);
        LargestSquareSteps = IsExact ? 0 : (long)Math.Ceiling(LargestKeySquare * Scales.SquareSteps);

        ValueExponent = valueBits - Math.ILogB(schema.Values.BoundingRadius);
        Gamma = schema.Adjacency == Adjacency.ReplaceOne
            ? schema.Values.BoundingRadius
            : schema.Values.BoundingRadius / Math.Sqrt(Math.Sqrt(schema.ValueDimension));
        GammaSteps = Math.Max(1, (long)Math.Round(Math.ScaleB(Gamma, ValueExponent)));
        Sensitivity = DistanceTreeSensitivity.For(this);
        ErrorBound = DistanceTreeErrorBound.From(this, LowestExponent, LargestExponent, LargestAlphaError(), LargestGridError());
    }

    /// <summary>The schema.</summary>
    public StoreSchema Schema { get; }

    /// <summary>s, of Taylor's polynomial.</summary>
    public int Degree { get; }

    /// <summary>The intervals' ratio minus 1; 0 is the exact variant.</summary>
    public double Alpha { get; }

    /// <summary>m: points of every feature's grid.</summary>
    public int GridCells { get; }

    /// <summary>l: copies with independent noise, whose median is answered.</summary>
    public int Copies { get; }

    /// <summary>Whether distances are exact and there are no trees.</summary>
    public bool IsExact => Alpha == 0;

    /// <summary>r = C(d + s, s), the constant feature included.</summary>
    public int Features => Taylor.Count;

    /// <summary>dv + 1: column 0 is the denominator.</summary>
    public int Columns => Schema.ValueDimension + 1;

    /// <summary>The published vectors of one copy.</summary>
    public long PartCount => IsExact ? Features : 2 + (Features - 1) * (2L * GridCells - 2);

    /// <summary>How many integers a release has, the copies included.</summary>
    public long Dimension => PartCount * Columns * Copies;

    /// <summary>bu: values are multiples of 2^-bu.</summary>
    public int ValueExponent { get; }

    /// <summary>gamma: the denominator's share of an augmented value, B_v under replace-one, B_v dv^(-1/4) under add-remove.</summary>
    public double Gamma { get; }

    /// <summary>gamma in steps, the integer nearest to 2^bu gamma and at least 1; decoding divides by it.</summary>
    public long GammaSteps { get; }

    /// <summary>The joint sensitivity.</summary>
    public DistanceTreeSensitivity Sensitivity { get; }

    /// <summary>The bound of a noise-free answer's error for any query; an answer states the one of its own query, which is at most this.</summary>
    public DistanceTreeErrorBound ErrorBound { get; }

    internal TaylorFeatures Taylor { get; }

    internal DistanceGrid[] Grids { get; }

    internal (double Low, double High)[] QueryRanges { get; }

    internal DistancePlanBounds? PlanBounds { get; }

    internal DistanceTreeScales Scales { get; }

    internal double LargestKeyNormSquare { get; }

    internal double LargestQueryNormSquare { get; }

    internal double LowestExponent { get; }

    internal double LargestExponent { get; }

    /// <summary>The largest |P(k)|^2 of a grid-rounded key, without its constant.</summary>
    internal double LargestKeySquare { get; }

    /// <summary>The same in the steps of its sum.</summary>
    internal long LargestSquareSteps { get; }

    /// <summary>How far a feature's integer in the exact variant is from its grid point.</summary>
    internal double FeatureRounding => IsExact ? 0.5 / Scales.Unit : 0;

    /// <summary>sqrt(dv)/2 steps: how far a rounded value is from its own.</summary>
    internal double ValueRounding => Math.Sqrt(Schema.ValueDimension) / 2 * Math.ScaleB(1, -ValueExponent);

    /// <summary>The largest magnitude of one entry of an integer augmented value.</summary>
    internal long LargestValueSteps =>
        Math.Max(GammaSteps, (long)Math.Ceiling(Math.ScaleB(Schema.Values.LargestEntry, ValueExponent)) + 1);

    /// <summary>The parameters for a schema.</summary>
    /// <param name="schema">Keys and queries lie in boxes, or in balls around the origin; the paper's domain is the box [0, R]^d with scale 1/d.</param>
    /// <param name="degree">s, from 1 to 18.</param>
    /// <param name="alpha">0 for exact distances, else from 1/128 to 16.</param>
    /// <param name="gridCells">m, a power of two from 4 to 65,536.</param>
    /// <param name="copies">l, odd, from 1 to 99. One joint budget pays for all copies, so more of them only widen the answer (by 1.22 at nine).</param>
    /// <exception cref="ArgumentException">
    /// A number outside its range, a ball off the origin, a kernel error of 1 or more, sums that do not fit in memory, or a full store that could overflow 64 bits.
    /// </exception>
    public static DistanceTreeParameters Create(StoreSchema schema, int degree, double alpha, int gridCells, int copies = 1)
    {
        var parameters = CreateUnchecked(schema, degree, alpha, gridCells, copies, FeatureBits, ValueBits);
        parameters.RequireNoOverflow(0);
        return parameters;
    }

    /// <summary>The parameters for a lattice that may be unfit for service: for tests of the sensitivity.</summary>
    internal static DistanceTreeParameters CreateUnchecked(StoreSchema schema, int degree, double alpha, int gridCells, int copies, int featureBits, int valueBits)
    {
        ArgumentNullException.ThrowIfNull(schema);
        if (degree is < 1 or > KernelPolynomial.LargestDegree)
            throw new ArgumentOutOfRangeException(nameof(degree), degree, $"the degree must lie between 1 and {KernelPolynomial.LargestDegree}");
        if (!(alpha == 0 || (alpha >= SmallestAlpha && alpha <= LargestAlpha)))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, $"alpha must be 0 (exact distances) or lie between {SmallestAlpha} and {LargestAlpha}");
        if (gridCells < 4 || gridCells > 1 << DistanceGrid.LargestDepth || !int.IsPow2(gridCells))
            throw new ArgumentOutOfRangeException(nameof(gridCells), gridCells, $"a grid has a power of two of points, from 4 to {1 << DistanceGrid.LargestDepth}");
        if (copies is < 1 or > LargestCopies || int.IsEvenInteger(copies))
            throw new ArgumentOutOfRangeException(nameof(copies), copies, $"the copies must be an odd number from 1 to {LargestCopies}: their median is answered");
        DistanceTreeDomain.RequireUncentred(schema.Keys, "keys");
        DistanceTreeDomain.RequireUncentred(schema.Queries, "queries");
        return new DistanceTreeParameters(schema, degree, alpha, gridCells, copies, featureBits, valueBits);
    }

    /// <summary>
    /// Refuses a ladder under which a full store's sum and 64 deviations of its worst noise could leave 64 bits. A run-time
    /// overflow error would depend on rows; this one depends on the schema alone.
    /// </summary>
    /// <exception cref="ArgumentException">The capacity is too large; the message names the largest that fits.</exception>
    public void RequireNoOverflow(NoiseVariance worst) => RequireNoOverflow(64 * Math.Ceiling(worst.Sigma.Value * (1 + 1e-12)));

    private void RequireNoOverflow(double noise)
    {
        var largest = (Int128)Scales.LargestEntry(Grids, LargestSquareSteps) * LargestValueSteps;
        var room = ((Int128)1 << 63) - 1 - (Int128)noise;
        if (room < largest * Schema.Capacity)
            throw new ArgumentException($"a capacity of {Schema.Capacity} rows could overflow the 64-bit sums; at most {(room < 0 ? 0 : room / largest)} rows fit this schema and ladder");
    }

    /// <summary>The part of a node of a feature's tree; every root is the sum of weights.</summary>
    internal long PartOf(int feature, long node) => IsExact ? feature : node == 1 ? CountPart : 2L * GridCells * feature + node;

    /// <summary>What the exact sum of a part is multiplied with before its noise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such part.</exception>
    internal long MultiplierOf(long part)
    {
        if (part == CountPart)
            return Scales.Count;
        if (part == SquarePart && !IsExact)
            return 1;
        var (feature, node) = FeatureOf(part);
        return IsExact ? 1 : Scales.Node(feature, Grids[feature].Shape.LevelOf(node));
    }

    /// <summary>The feature and node of a part that is neither the sum of weights nor that of squares.</summary>
    internal (int Feature, long Node) FeatureOf(long part)
    {
        var (feature, node) = IsExact ? (part, 1) : Math.DivRem(part, 2L * GridCells);
        if (feature < 1 || feature >= Features || (!IsExact && node < 2))
            throw new ArgumentOutOfRangeException(nameof(part), part, "this mechanism has no such part");
        return ((int)feature, node);
    }

    private (DistanceGrid[], (double, double)[]) BuildGrids()
    {
        var keys = Taylor.RangesOver(Schema.Keys);
        var queries = Taylor.RangesOver(Schema.Queries);
        var grids = new DistanceGrid[Features];
        var depth = int.Log2(GridCells);
        for (var a = 1; a < grids.Length; a++)
        {
            grids[a] = DistanceGrid.Over(keys[a].Low, keys[a].High, depth);
            if (!(Math.Max(Math.Abs(queries[a].Low), Math.Abs(queries[a].High)) / grids[a].Spacing <= 1L << 26))
                throw new ArgumentException("the range of the queries is too wide for a grid over that of the keys");
        }
        return (grids, queries);
    }

    private double LargestAlphaError()
    {
        double sum = 0;
        for (var a = 1; a < Features && !IsExact; a++)
        {
            var grid = Grids[a];
            long low = grid.StepOf(QueryRanges[a].Low), high = grid.StepOf(QueryRanges[a].High), end = grid.LowStep + GridCells - 1;
            var error = PlanBounds!.LargestError;
            if (low < grid.LowStep || high > end)
            {
                // From outside the grid: (b^2 - a^2)/2 with a at least b/(1 + alpha).
                var distance = Math.Max(end - low, high - grid.LowStep);
                error = Math.Max(error, (double)distance * distance * (1 - 1 / ((1 + Alpha) * (1 + Alpha))) / 2);
            }
            sum += grid.Spacing * grid.Spacing * error / 2;
        }
        return sum;
    }

    private double LargestGridError()
    {
        double sum = 0;
        for (var a = 1; a < Features; a++)
        {
            var query = Math.Max(Math.Abs(QueryRanges[a].Low), Math.Abs(QueryRanges[a].High));
            sum += Grids[a].Spacing / 2 * (Grids[a].Spacing * Grids[a].LargestStep + query) + FeatureRounding * (query + Grids[a].Spacing / 2);
        }
        return sum;
    }

    private void RequireFits()
    {
        var count = MonomialBasis.CountFor(Schema.KeyDimension, Degree);
        var bytes = (UInt128)count * (UInt128)(IsExact ? 1 : GridCells) * (UInt128)Columns * sizeof(long);
        if (bytes > LargestSumBytes)
            throw new ArgumentException($"degree {Degree} in {Schema.KeyDimension} dimensions has {count} features; with {Columns} columns{(IsExact ? "" : $" and {GridCells} grid points each")} the exact sums would take {bytes} bytes, and at most {LargestSumBytes} are allowed. Use a smaller degree{(IsExact ? "" : " or a coarser grid")}");
    }
}
