using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>Answers as flat arrays, and back; and how many fit one message.</summary>
internal static class AnswerBatches
{
    // A call takes about 10 us, this much about 5 ms: answering others does not wait behind a large batch.
    private const long ProductsPerCall = 1L << 23;
    private const long BytesPerMessage = 1L << 20;

    /// <summary>How many queries are answered in one call, at least 1: its messages stay far below the engine's limit, and its work short.</summary>
    public static int QueriesPerCall(ReleasedModel model)
    {
        var values = model.Schema.ValueDimension;
        var bytes = Math.Max(model.Schema.KeyDimension * (long)sizeof(double), values * (4L * sizeof(double) + sizeof(bool)));
        return (int)Math.Max(1, Math.Min(BytesPerMessage / bytes, ProductsPerCall / model.ProductsPerQuery));
    }

    /// <summary>Answers that all have as many columns, and all a mark or none.</summary>
    public static AnswerBatch Of(IReadOnlyList<AttentionAnswer> answers)
    {
        int m = answers.Count, columns = answers[0].Output.Length;
        var batch = new AnswerBatch(columns, new double[m * columns], new double[m * columns], new double[m * columns], new double[m * columns], new bool[m * columns], answers[0].IsIndistinguishableFromMean is null ? [] : new bool[m], 0);
        var kernelErrorBound = 0.0;
        for (var i = 0; i < m; i++)
        {
            var answer = answers[i];
            var start = i * columns;
            answer.Output.CopyTo(batch.Outputs, start);
            answer.NoiseDeviation.CopyTo(batch.Deviations, start);
            for (var j = 0; j < columns; j++)
            {
                batch.Low[start + j] = answer.Intervals[j].Low;
                batch.High[start + j] = answer.Intervals[j].High;
                batch.Whole[start + j] = answer.Intervals[j].IsWholeRange;
            }
            if (answer.IsIndistinguishableFromMean is { } mark)
                batch.Indistinguishable[i] = mark;
            kernelErrorBound = Math.Max(kernelErrorBound, answer.KernelErrorBound);
        }
        return batch with { KernelErrorBound = kernelErrorBound, Slots = answers[0].SlotsCovered };
    }

    public static void CopyTo(AnswerBatch batch, Span<AttentionAnswer> answers)
    {
        for (var i = 0; i < answers.Length; i++)
        {
            var start = i * batch.Columns;
            var intervals = new NoiseInterval[batch.Columns];
            for (var j = 0; j < intervals.Length; j++)
                intervals[j] = new NoiseInterval(batch.Low[start + j], batch.High[start + j], batch.Whole[start + j]);
            answers[i] = new AttentionAnswer(
                batch.Outputs.AsSpan(start, batch.Columns).ToArray(), batch.Deviations.AsSpan(start, batch.Columns).ToArray(), intervals, batch.KernelErrorBound, batch.Indistinguishable.Length == 0 ? null : batch.Indistinguishable[i])
            {
                SlotsCovered = batch.Slots,
            };
        }
    }
}
