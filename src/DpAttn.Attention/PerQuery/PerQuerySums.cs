using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DpAttn.Attention;

/// <summary>
/// What a shard computes: the exact integer sums of its rows for the queries of a request. Private: they may meet nobody but the sums of other shards and the noise.
/// </summary>
/// <remarks>
/// <b>Exactness.</b> A weight is at most 2^24 steps and an entry of an augmented value at most 2^16 + 130, so an accumulator's lane over a chunk of at most 4,096 rows, and
/// all eight lanes together, stay below 2^12 2^24 (2^16 + 130) = 2^52.003: every product and partial sum in doubles is an exact integer, in whatever order, fused or not.
/// Each chunk's sums are then added to 64-bit integers, which no full store can overflow (<see cref="PerQueryParameters"/>).
/// </remarks>
public static class PerQuerySums
{
    /// <summary>The version of the arithmetic from a row and a query to integers. It is bound into the noise's key: a change of any bit is a new version.</summary>
    public const int Version = 1;

    /// <summary>Rows of a chunk, at most.</summary>
    internal const int MostChunkRows = 4096;

    /// <summary>Adds rows' sums: entry l (dv + 1) + c is different query l's column c, column 0 the denominator.</summary>
    /// <param name="sums">The sums, <see cref="PerQueryPlan.Dimension"/> of them.</param>
    /// <param name="plan">The request.</param>
    /// <param name="rows">Rows prepared under the same schema.</param>
    /// <param name="ct">Stops between chunks; the sums are then of no further use.</param>
    /// <exception cref="ArgumentException">Another schema, or the wrong number of sums.</exception>
    public static void AddTo(Span<long> sums, PerQueryPlan plan, PerQueryRows rows, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(rows);
        if (plan.Parameters != rows.Parameters && !plan.Parameters.Fingerprint.AsSpan().SequenceEqual(rows.Parameters.Fingerprint))
            throw new ArgumentException("the rows were prepared under another schema than the request's", nameof(rows));
        AddTo(sums, plan.Exponents, rows, ct);
    }

    /// <summary>The same from a plan's queries alone, which is all that a shard needs of it.</summary>
    /// <param name="sums">The sums, as many as queries times (dv + 1).</param>
    /// <param name="queries"><see cref="PerQueryPlan.Queries"/>.</param>
    /// <param name="rows">Rows prepared under the same schema.</param>
    /// <param name="ct">Stops between chunks; the sums are then of no further use.</param>
    /// <exception cref="QueryRejectedException">A query with NaN or infinity, or outside the query region.</exception>
    /// <exception cref="ArgumentException">No queries, too many, the wrong dimension, or the wrong number of sums.</exception>
    public static void AddTo(Span<long> sums, Matrix<double> queries, PerQueryRows rows, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(rows);
        PerQueryPlan.RequireShape(rows.Parameters, queries);
        PerQueryPlan.RequireWithin(rows.Parameters.Schema.Queries, queries);
        AddTo(sums, PerQueryExponents.For(rows.Parameters, queries), rows, ct);
    }

    /// <summary>One row's integer weights, a query each. For tests and audits of the sensitivity.</summary>
    internal static long[] WeightsOf(PerQueryExponents queries, PerQueryRows rows, int slot)
    {
        var panel = rows.Chunks[slot / PerQueryPanels.Rows / rows.ChunkPanels].AsSpan(slot / PerQueryPanels.Rows % rows.ChunkPanels * PerQueryRows.PanelLength(rows.Parameters));
        Span<double> weights = stackalloc double[PerQueryPanels.Rows];
        var result = new long[queries.Count];
        for (var l = 0; l < result.Length; l++)
        {
            PerQueryPanels.DotOne(ref MemoryMarshal.GetReference(panel), queries.Dimension, ref MemoryMarshal.GetReference(queries.Of(l)), ref weights[0]);
            PerQueryPanels.Weigh(ref weights[0], queries.Bounds[l], rows.Parameters.KernelExponent);
            result[l] = (long)weights[slot % PerQueryPanels.Rows];
        }
        return result;
    }

    private static void AddTo(Span<long> sums, PerQueryExponents queries, PerQueryRows rows, CancellationToken ct)
    {
        var columns = rows.Parameters.Columns;
        if (sums.Length != (long)queries.Count * columns)
            throw new ArgumentException($"{sums.Length} sums for {queries.Count} queries of {columns} columns", nameof(sums));
        var buffer = ArrayPool<double>.Shared.Rent(PerQueryPanels.MostTogether * columns * PerQueryPanels.Lanes);
        try
        {
            // Four queries at once need 512-bit registers; otherwise they go one by one over the chunk.
            var together = Vector512.IsHardwareAccelerated ? PerQueryPanels.MostTogether : 1;
            foreach (var chunk in rows.Chunks)
            {
                ct.ThrowIfCancellationRequested();
                for (var l = 0; l < queries.Count;)
                {
                    var count = queries.Count - l >= together ? together : 1;
                    var accumulators = buffer.AsSpan(0, count * columns * PerQueryPanels.Lanes);
                    AddChunk(chunk, queries, l, count, rows.Parameters, accumulators);
                    Flush(accumulators, sums.Slice(l * columns, count * columns));
                    l += count;
                }
            }
        }
        finally
        {
            // The accumulators are exact sums of rows.
            ArrayPool<double>.Shared.Return(buffer, clearArray: true);
        }
    }

    private static void AddChunk(float[] chunk, PerQueryExponents queries, int first, int count, PerQueryParameters parameters, Span<double> accumulators)
    {
        accumulators.Clear();
        Span<double> weights = stackalloc double[PerQueryPanels.MostTogether * PerQueryPanels.Rows];
        int length = PerQueryRows.PanelLength(parameters), dimension = queries.Dimension, columns = parameters.Columns;
        ref var query = ref MemoryMarshal.GetReference(queries.Of(first));
        ref var to = ref MemoryMarshal.GetReference(accumulators);
        for (var at = 0; at < chunk.Length; at += length)
        {
            ref var keys = ref chunk[at];
            ref var values = ref chunk[at + dimension * PerQueryPanels.Rows];
            if (count == PerQueryPanels.MostTogether)
            {
                PerQueryPanels.DotFour(ref keys, dimension, ref query, (nuint)dimension, ref weights[0]);
                for (var l = 0; l < count; l++)
                    PerQueryPanels.Weigh(ref weights[l * PerQueryPanels.Rows], queries.Bounds[first + l], parameters.KernelExponent);
                PerQueryPanels.AddFour(ref values, columns, ref weights[0], ref to, (nuint)(columns * PerQueryPanels.Lanes));
            }
            else
            {
                PerQueryPanels.DotOne(ref keys, dimension, ref query, ref weights[0]);
                PerQueryPanels.Weigh(ref weights[0], queries.Bounds[first], parameters.KernelExponent);
                PerQueryPanels.AddOne(ref values, columns, ref weights[0], ref to);
            }
        }
    }

    private static void Flush(ReadOnlySpan<double> accumulators, Span<long> sums)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] += (long)Vector512.Sum(Vector512.Create(accumulators.Slice(i * PerQueryPanels.Lanes, PerQueryPanels.Lanes)));
    }
}
