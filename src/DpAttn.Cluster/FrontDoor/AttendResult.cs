using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Answers and what they cost.</summary>
/// <param name="Answers">One per query.</param>
/// <param name="Privacy">The charge and the account's budget after it.</param>
public sealed record AttendResult(IReadOnlyList<AttentionAnswer> Answers, PrivacyRecord Privacy);
