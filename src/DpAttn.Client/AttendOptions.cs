using DpAttn.Contracts;

namespace DpAttn.Client;

/// <summary>How queries are answered, and whether anything may be opened for them.</summary>
public sealed record AttendOptions
{
    /// <summary>The release; null for the newest that is open.</summary>
    public string? Release { get; init; }

    /// <summary>
    /// The tier of <see cref="Release"/>, which must be stated then, to open and answer from; null for the best that is open. Per-query: the tier of the store's
    /// ladder to buy the answer at, without a release.
    /// </summary>
    public int? Tier { get; init; }

    /// <summary>The most that opening, or a per-query answer, may cost, in epsilon; null: nothing is opened or bought.</summary>
    public double? MaxEpsilon { get; init; }

    /// <summary>The blocks to attend to, of a store whose levels are all; null for all that are released. An open tier is paid for every range.</summary>
    public BlockRange? Rows { get; init; }

    /// <summary>Move queries out of bounds to the nearest point inside.</summary>
    public bool Clip { get; init; }

    /// <summary>The idempotency key; null: the client makes one, and uses it for its own retries.</summary>
    public string? IdempotencyKey { get; init; }
}
