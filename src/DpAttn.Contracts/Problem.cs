namespace DpAttn.Contracts;

/// <summary>What opening a tier, or under per-query one answer, would cost the caller.</summary>
/// <param name="Tier">The tier.</param>
/// <param name="Epsilon">The price, in epsilon at <paramref name="Delta"/>: an upgrade's own conversion where a lower tier is open.</param>
/// <param name="Delta">The store's delta.</param>
/// <param name="Release">The release; null under per-query.</param>
public sealed record TierPrice(int Tier, double Epsilon, double Delta, string? Release = null);

/// <summary>A problem (RFC 9457) with DpAttn's extensions.</summary>
public sealed record Problem
{
    /// <summary>urn:dpattn:problem:code.</summary>
    public required string Type { get; init; }

    /// <summary>A short title.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What, where and the bound.</summary>
    public required string Detail { get; init; }

    /// <summary>One of <see cref="ProblemCodes"/>.</summary>
    public required string Code { get; init; }

    /// <summary>Whether the same request may succeed later.</summary>
    public required bool Retryable { get; init; }

    /// <summary>For support.</summary>
    public required string TraceId { get; init; }

    /// <summary>What the refused charge asked for, in epsilon.</summary>
    public double? Requested { get; init; }

    /// <summary>The most that one charge may still cost, in epsilon.</summary>
    public double? Remaining { get; init; }

    /// <summary>The raise of the limit, in epsilon, that would admit the request.</summary>
    public double? ShortBy { get; init; }

    /// <summary>The store's delta, wherever an epsilon is given.</summary>
    public double? Delta { get; init; }

    /// <summary>The best tier that fits what remains, or null.</summary>
    public TierPrice? Affordable { get; init; }

    /// <summary>What could be opened or bought, for not_opened.</summary>
    public IReadOnlyList<TierPrice>? Prices { get; init; }
}
