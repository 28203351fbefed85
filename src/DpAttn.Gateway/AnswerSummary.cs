using DpAttn.Contracts;

namespace DpAttn.Gateway;

/// <summary>What is said of answers as a whole, and how their bytes are to be read.</summary>
internal sealed record AnswerSummary(int Queries, int Columns, bool HasMarks, bool HasSlots, double KernelErrorBound, PrivacyRecord Privacy, BlockRange? Blocks = null)
{
    /// <summary>Of the content.</summary>
    public long Bytes => AnswerContent.BytesOf(Queries, Columns, HasMarks, HasSlots);
}
