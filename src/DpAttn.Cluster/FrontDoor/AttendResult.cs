using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Answers and what they cost.</summary>
/// <param name="Answers">One per query.</param>
/// <param name="Privacy">The charge and the account's budget after it.</param>
/// <param name="Blocks">The blocks that the answers cover; null where the store's levels are not all.</param>
public sealed record AttendResult(IReadOnlyList<AttentionAnswer> Answers, PrivacyRecord Privacy, BlockRange? Blocks = null)
{
    /// <summary>The slots that every answer covers; null where no release was asked.</summary>
    public long? SlotsCovered => Answers.Count == 0 ? null : Answers[0].SlotsCovered;
}
