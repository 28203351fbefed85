using DpAttn.Contracts;

namespace DpAttn.Gateway;

/// <summary>A refusal or a known failure with its figures.</summary>
internal sealed record ProblemReport(string Code, string Detail)
{
    public double? Requested { get; init; }

    public double? Remaining { get; init; }

    public double? ShortBy { get; init; }

    public double? Delta { get; init; }

    public TierPrice? Affordable { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    public IReadOnlyList<TierPrice>? Prices { get; init; }
}
