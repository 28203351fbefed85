using DpAttn.Contracts;

namespace DpAttn.Gateway;

/// <summary>What queries are answered from, and what may be opened for them: all of a request but its queries.</summary>
internal sealed record AttendTerms(string? Release = null, int? Tier = null, double? MaxEpsilon = null, string? RequestId = null, bool Clip = false, BlockRange? Rows = null)
{
    /// <summary>Whether it agrees to be charged at all.</summary>
    public bool MayOpen => Tier is not null || MaxEpsilon is not null;
}
