using DpAttn.Attention;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>Answers as bytes and a summary, and back.</summary>
internal static class AttendResults
{
    public static (AnswerSummary Summary, byte[] Content) Write(AttendResult result)
    {
        var answers = result.Answers;
        var summary = new AnswerSummary(
            answers.Count,
            answers[0].Output.Length,
            answers[0].IsIndistinguishableFromMean is not null,
            answers.Any(answer => answer.SlotsCovered is not null),
            answers.Max(answer => answer.KernelErrorBound),
            result.Privacy,
            result.Blocks);
        if (summary.Bytes > Array.MaxLength)
            throw new ProblemException(Contracts.ProblemCodes.TooLarge, $"the answers have {summary.Bytes} bytes; ask fewer queries at once");
        var bytes = new byte[summary.Bytes];
        var content = new AnswerContent(bytes, summary.Queries, summary.Columns, summary.HasMarks, summary.HasSlots);
        for (var i = 0; i < summary.Queries; i++)
        {
            var answer = answers[i];
            content.WriteOutputs(i, answer.Output);
            content.WriteDeviations(i, answer.NoiseDeviation);
            for (var j = 0; j < summary.Columns; j++)
                content.WriteInterval(i, j, answer.Intervals[j].Low, answer.Intervals[j].High, answer.Intervals[j].IsWholeRange);
            content.WriteSlots(i, answer.SlotsCovered);
            content.WriteMark(i, answer.IsIndistinguishableFromMean);
        }
        return (summary, bytes);
    }

    public static AttendResult Read(AnswerSummary summary, Span<byte> bytes)
    {
        var content = new AnswerContent(bytes, summary.Queries, summary.Columns, summary.HasMarks, summary.HasSlots);
        var answers = new AttentionAnswer[summary.Queries];
        for (var i = 0; i < answers.Length; i++)
        {
            var (low, high) = (content.ReadLow(i), content.ReadHigh(i));
            var intervals = new NoiseInterval[summary.Columns];
            for (var j = 0; j < intervals.Length; j++)
                intervals[j] = new NoiseInterval(low[j], high[j], content.IsWhole(i, j));
            answers[i] = new AttentionAnswer(content.ReadOutputs(i), content.ReadDeviations(i), intervals, summary.KernelErrorBound, content.ReadMark(i)) { SlotsCovered = content.ReadSlots(i) };
        }
        return new AttendResult(answers, summary.Privacy, summary.Blocks);
    }
}
