using System.Numerics;
using System.Runtime.InteropServices;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>
/// Everything about one per-query request that is fixed before any row is looked at: its queries, the joint sensitivity of their sums, the noise, the price. A batch is
/// one joint release with one charge.
/// </summary>
public sealed class PerQueryPlan
{
    private PerQueryPlan(PerQueryParameters parameters, Matrix<double> queries, int[] positions, PerQueryExponents exponents, BigInteger sensitivity, NoiseTier tier)
    {
        (Parameters, Queries, Positions, Exponents) = (parameters, queries, positions, exponents);
        (Sensitivity, Variance, Cost) = (sensitivity, tier.Variance, tier.Cost);
    }

    /// <summary>The mechanism's parameters.</summary>
    public PerQueryParameters Parameters { get; }

    /// <summary>The different queries, in the order in which they were first asked, clipped where that was asked.</summary>
    public Matrix<double> Queries { get; }

    /// <summary>Per asked query, the row of <see cref="Queries"/> that is its own.</summary>
    public int[] Positions { get; }

    /// <summary>The joint integer l2 sensitivity of all sums of the request, rounded up.</summary>
    public BigInteger Sensitivity { get; }

    /// <summary>The variance of the noise of every sum, in squared lattice steps.</summary>
    public NoiseVariance Variance { get; }

    /// <summary>What the request costs: the epsilon's own amount, however many queries, and the slack of discrete noise on all its sums.</summary>
    public PrivacyAmount Cost { get; }

    /// <summary>How many integers are released: different queries times (dv + 1).</summary>
    public long Dimension => (long)Queries.Rows * Parameters.Columns;

    internal PerQueryExponents Exponents { get; }

    /// <summary>Plans a request.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="queries">m x d, uncentred. Equal queries are asked once.</param>
    /// <param name="clip">Whether a query outside its region is moved to the nearest point inside instead of being refused.</param>
    /// <param name="epsilon">What the whole request may cost, in (0, 200].</param>
    /// <param name="delta">The store's delta.</param>
    /// <exception cref="QueryRejectedException">The first query with NaN or infinity, or outside the query region without clipping.</exception>
    /// <exception cref="ArgumentException">No queries, too many, the wrong dimension, or an epsilon, a delta or a width of noise out of range.</exception>
    public static PerQueryPlan Create(PerQueryParameters parameters, Matrix<double> queries, bool clip, Epsilon epsilon, Delta delta)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(queries);
        RequireShape(parameters, queries);
        var (distinct, positions) = Distinguish(Check(parameters.Schema, queries, clip));
        var exponents = PerQueryExponents.For(parameters, distinct);
        var sensitivity = parameters.Sensitivity.Of(exponents);
        var tier = NoiseLadder.Calibrate(sensitivity, (long)distinct.Rows * parameters.Columns, [epsilon], delta).Tiers[0];
        parameters.RequireNoOverflow(tier.Variance);
        return new PerQueryPlan(parameters, distinct, positions, exponents, sensitivity, tier);
    }

    internal static void RequireShape(PerQueryParameters parameters, Matrix<double> queries)
    {
        if (queries.Rows == 0)
            throw new ArgumentException("a request needs at least one query", nameof(queries));
        if (queries.Columns != parameters.Schema.KeyDimension)
            throw new ArgumentException($"queries have {queries.Columns} dimensions; the schema states {parameters.Schema.KeyDimension}", nameof(queries));
        if (queries.Rows > PerQueryParameters.MostQueries)
            throw new ArgumentException($"{queries.Rows} queries in one request; at most {PerQueryParameters.MostQueries} are allowed", nameof(queries));
        if ((long)queries.Rows * parameters.Columns > PerQueryParameters.MostNumbers)
            throw new ArgumentException($"{queries.Rows} queries of {parameters.Columns} columns in one request; at most {PerQueryParameters.MostNumbers / parameters.Columns} queries of as many are allowed", nameof(queries));
    }

    internal static void RequireWithin(Region region, Matrix<double> queries)
    {
        var centred = new double[queries.Columns];
        for (var i = 0; i < queries.Rows; i++)
        {
            queries.Row(i).CopyTo(centred);
            QueryRejectedException.ThrowIf(region.TryCentre(centred, clip: false), region, i);
        }
    }

    /// <summary>A copy whose rows lie within the query region; 0 has one sign in it.</summary>
    private static Matrix<double> Check(StoreSchema schema, Matrix<double> queries, bool clip)
    {
        var region = schema.Queries;
        var copy = new Matrix<double>(queries.Rows, queries.Columns);
        var centred = new double[queries.Columns];
        for (var i = 0; i < queries.Rows; i++)
        {
            var row = copy.Row(i);
            queries.Row(i).CopyTo(row);
            row.CopyTo(centred);
            var fault = region.TryCentre(centred, clip: false);
            if (clip && fault.Kind == RegionFaultKind.Outside)
            {
                Move(region, row);
                row.CopyTo(centred);
                fault = region.TryCentre(centred, clip: false);
            }
            QueryRejectedException.ThrowIf(fault, region, i);
            foreach (ref var x in row)
                x += 0.0;
        }
        return copy;
    }

    private static void Move(Region region, Span<double> query)
    {
        if (region.IsBox)
        {
            for (var j = 0; j < query.Length; j++)
                query[j] = Math.Clamp(query[j], region.Low[j], region.High[j]);
            return;
        }
        _ = region.TryCentre(query, clip: true);
        for (var j = 0; j < query.Length; j++)
            query[j] += region.Centre[j];
    }

    private static (Matrix<double> Distinct, int[] Positions) Distinguish(Matrix<double> queries)
    {
        var seen = new Dictionary<int, int>(new RowComparer(queries));
        var positions = new int[queries.Rows];
        var first = new List<int>();
        for (var i = 0; i < queries.Rows; i++)
        {
            if (!seen.TryGetValue(i, out positions[i]))
            {
                positions[i] = first.Count;
                seen.Add(i, first.Count);
                first.Add(i);
            }
        }
        var distinct = new Matrix<double>(first.Count, queries.Columns);
        for (var i = 0; i < first.Count; i++)
            queries.Row(first[i]).CopyTo(distinct.Row(i));
        return (distinct, positions);
    }

    private sealed class RowComparer(Matrix<double> matrix) : IEqualityComparer<int>
    {
        public bool Equals(int x, int y) => matrix.Row(x).SequenceEqual(matrix.Row(y));

        public int GetHashCode(int row)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(matrix.Row(row)));
            return hash.ToHashCode();
        }
    }
}
