using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>A request that is refused, or that failed in a known way. The message names what, where and the bound, and never a row, a query or a user.</summary>
/// <remarks>Between grains only the code and the text travel; the figures of a refusal are added by the front door.</remarks>
[GenerateSerializer, Alias(WireNames.Problem)]
public sealed class ProblemException : Exception
{
    /// <summary>A problem.</summary>
    /// <param name="code">One of <see cref="ProblemCodes"/>.</param>
    /// <param name="detail">What, where and the bound.</param>
    /// <param name="inner">The cause, for the log.</param>
    public ProblemException(string code, string detail, Exception? inner = null)
        : base(detail, inner) => Code = code;

    /// <summary>One of <see cref="ProblemCodes"/>.</summary>
    [Id(0)]
    public string Code { get; }

    /// <summary>What the refused charge asked for, in epsilon.</summary>
    [field: NonSerialized]
    public double? Requested { get; init; }

    /// <summary>The most that one charge may still cost, in epsilon.</summary>
    [field: NonSerialized]
    public double? Remaining { get; init; }

    /// <summary>The raise of the limit, in epsilon, that would admit the request.</summary>
    [field: NonSerialized]
    public double? ShortBy { get; init; }

    /// <summary>The store's delta.</summary>
    [field: NonSerialized]
    public double? Delta { get; init; }

    /// <summary>The best tier that fits what remains.</summary>
    [field: NonSerialized]
    public TierPrice? Affordable { get; init; }

    /// <summary>How long to wait, where it is known better than by the code.</summary>
    [field: NonSerialized]
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What could be opened.</summary>
    [field: NonSerialized]
    public IReadOnlyList<TierPrice>? Prices { get; init; }
}
