namespace DpAttn.Attention;

/// <summary>Turns a request's noised sums into answers: post-processing only. Sums are taken in one fixed order, so an answer has the same bits on every machine.</summary>
public static class PerQueryAnswerer
{
    /// <summary>Answers a request.</summary>
    /// <param name="plan">The request.</param>
    /// <param name="noisedSums">The exact sums of all shards plus <see cref="PerQueryNoise.Draw(PerQueryPlan, Privacy.ReleaseKey)"/>, entry by entry.</param>
    /// <param name="rows">n, which is public under replace-one and floors the denominator; null under add-remove, where it is private.</param>
    /// <returns>One answer per asked query, in the asked order; equal queries have the same one.</returns>
    /// <exception cref="ArgumentException">The wrong number of sums, no n under replace-one, or one under add-remove.</exception>
    public static AttentionAnswer[] Answer(PerQueryPlan plan, ReadOnlySpan<long> noisedSums, long? rows)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Answer(plan, noisedSums, rows, plan.Variance.Sigma.Value);
    }

    /// <summary>The answers of sums under noise of a deviation; of exact sums with a deviation of 0, the noise-free ones: not private, for evaluation and tests.</summary>
    internal static AttentionAnswer[] Answer(PerQueryPlan plan, ReadOnlySpan<long> sums, long? rows, double sigmaSteps)
    {
        if (sums.Length != plan.Dimension)
            throw new ArgumentException($"{sums.Length} sums for a request of {plan.Dimension}", nameof(sums));
        RequireRows(plan.Parameters.Schema, rows);
        var distinct = new AttentionAnswer[plan.Queries.Rows];
        for (var l = 0; l < distinct.Length; l++)
        {
            var columns = plan.Parameters.Columns;
            var floor = rows is { } n ? n * PerQueryParameters.SmallestKernel(plan.Exponents.Bounds[l]) : 0;
            distinct[l] = Answer(plan.Parameters, sums.Slice(l * columns, columns), floor, sigmaSteps);
        }
        return Array.ConvertAll(plan.Positions, position => distinct[position]);
    }

    private static void RequireRows(StoreSchema schema, long? rows)
    {
        if (schema.Adjacency == Adjacency.AddRemove && rows is not null)
            throw new ArgumentException("under add-remove the number of rows is private and has no place in an answer", nameof(rows));
        if (schema.Adjacency == Adjacency.ReplaceOne && !(rows >= 1 && rows <= schema.Capacity))
            throw new ArgumentException($"under replace-one an answer needs the number of rows, from 1 to {schema.Capacity}", nameof(rows));
    }

    /// <summary>One answer; a deviation is that of a linear function of norm 1, since the kernel is evaluated in the shards.</summary>
    private static AttentionAnswer Answer(PerQueryParameters parameters, ReadOnlySpan<long> sums, double floor, double sigmaSteps)
    {
        // In units of values: steps / 2^(b + bu); gamma is its integer / 2^bu.
        var unit = Math.ScaleB(1.0, -(parameters.KernelExponent + parameters.ValueExponent));
        var gamma = Math.ScaleB(parameters.GammaSteps, -parameters.ValueExponent);
        var bound = parameters.Schema.Values.LargestEntry;
        double sigma = sigmaSteps * unit, denominator = sums[0] * unit / gamma;
        var dimension = sums.Length - 1;
        var output = new double[dimension];
        var deviations = new double[dimension];
        var intervals = new NoiseInterval[dimension];
        if (!(denominator > 0) && floor == 0)
        {
            // Under add-remove nothing bounds the denominator from below: the centre of the value bound, and the whole range.
            Array.Fill(deviations, double.PositiveInfinity);
            Array.Fill(intervals, NoiseInterval.Whole(bound));
            return new AttentionAnswer(output, deviations, intervals, 0, null);
        }
        var floored = Math.Max(denominator, floor);
        for (var j = 0; j < dimension; j++)
        {
            // Deviation and interval are those of the unclipped, unfloored quotient; only the estimate is floored and clipped.
            var numerator = sums[j + 1] * unit;
            var ratio = numerator / denominator;
            output[j] = numerator / floored;
            deviations[j] = denominator > 0 ? sigma * Math.Sqrt(1 + ratio * ratio / (gamma * gamma)) / denominator : double.PositiveInfinity;
            intervals[j] = NoiseInterval.Fieller(numerator, denominator, NoiseInterval.NormalPoint * sigma, gamma, bound);
        }
        parameters.Schema.Values.ClipEstimate(output);
        return new AttentionAnswer(output, deviations, intervals, 0, null);
    }
}
