using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>A request that is refused, or that failed in a known way. The message names what, where and the bound, and never a row, a query or a user.</summary>
public sealed class ProblemException : Exception
{
    /// <summary>A problem.</summary>
    /// <param name="code">One of <see cref="ProblemCodes"/>.</param>
    /// <param name="detail">What, where and the bound.</param>
    /// <param name="inner">The cause, for the log.</param>
    public ProblemException(string code, string detail, Exception? inner = null)
        : base(detail, inner) => Code = code;

    /// <summary>One of <see cref="ProblemCodes"/>.</summary>
    public string Code { get; }

    /// <summary>What the refused charge asked for, in epsilon.</summary>
    public double? Requested { get; init; }

    /// <summary>The most that one charge may still cost, in epsilon.</summary>
    public double? Remaining { get; init; }

    /// <summary>The raise of the limit, in epsilon, that would admit the request.</summary>
    public double? ShortBy { get; init; }

    /// <summary>The store's delta.</summary>
    public double? Delta { get; init; }

    /// <summary>The best tier that fits what remains.</summary>
    public TierPrice? Affordable { get; init; }

    /// <summary>What could be opened.</summary>
    public IReadOnlyList<TierPrice>? Prices { get; init; }
}
