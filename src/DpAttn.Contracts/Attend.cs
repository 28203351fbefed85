namespace DpAttn.Contracts;

/// <summary>A range of blocks of slots, in slot order.</summary>
/// <param name="From">The first block, counted from 0.</param>
/// <param name="To">The block after the last.</param>
public sealed record BlockRange(long From, long To);

/// <summary>Asks queries: of a release, or of all rows where each answer is charged by itself (per-query).</summary>
public sealed record AttendRequest
{
    /// <summary>m queries of d numbers.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Queries { get; init; }

    /// <summary>The release to answer from; null for the newest that the caller has opened. A per-query store has none.</summary>
    public string? Release { get; init; }

    /// <summary>The tier to open or upgrade to, and to answer from; null for the best opened. Per-query: the tier of the store's ladder to buy the answer at.</summary>
    public int? Tier { get; init; }

    /// <summary>
    /// The most that this request may cost, in epsilon: the best tier of the newest release that costs at most this is opened. Null: nothing is opened.
    /// Per-query: the answer is bought at the best tier of the store's ladder that is at most this, whatever the number of queries.
    /// </summary>
    public double? MaxEpsilon { get; init; }

    /// <summary>The blocks to attend to, of a store whose levels are all; null for all that are released.</summary>
    public BlockRange? Rows { get; init; }

    /// <summary>Move queries out of bounds to the nearest point inside instead of refusing them.</summary>
    public bool Clip { get; init; }
}

/// <summary>What an answer cost and what stands behind it. Epsilons are each figure's own conversion at the store's delta; they do not add.</summary>
/// <param name="Tier">The tier.</param>
/// <param name="TierEpsilon">The tier's epsilon.</param>
/// <param name="Delta">The store's delta.</param>
/// <param name="Charged">What this request was charged, in epsilon; 0 for what is open already, and for a replay.</param>
/// <param name="Spent">The account's total.</param>
/// <param name="Remaining">The most that one further charge may cost.</param>
/// <param name="Replayed">The request was charged before; this is a replay.</param>
/// <param name="Release">The release; null under per-query, which has none.</param>
/// <param name="AboutMore">How many more requests like this one the account's limit admits; null where they are free.</param>
public sealed record PrivacyRecord(
    int Tier, double TierEpsilon, double Delta, double Charged, double Spent, double Remaining, bool Replayed, string? Release = null, long? AboutMore = null);

/// <summary>Answers to m queries.</summary>
public sealed record AttendResponse
{
    /// <summary>m x dv outputs.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Outputs { get; init; }

    /// <summary>m x dv standard deviations of the noise; null where a denominator is not above 0 and nothing bounds it.</summary>
    public required IReadOnlyList<IReadOnlyList<double?>> NoiseDeviations { get; init; }

    /// <summary>m x dv lower ends of the 95 % noise intervals.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> IntervalLow { get; init; }

    /// <summary>m x dv upper ends of the 95 % noise intervals.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> IntervalHigh { get; init; }

    /// <summary>The bound of the kernel's part of the error, in l2 norm, outside the intervals.</summary>
    public required double KernelErrorBound { get; init; }

    /// <summary>Per query, whether the answer could just be the store's mean; null where no mean is released (per-query).</summary>
    public IReadOnlyList<bool>? IndistinguishableFromMean { get; init; }

    /// <summary>The public count of slots that the answers cover; null where rows may have been added since (per-query).</summary>
    public long? SlotsCovered { get; init; }

    /// <summary>The blocks that the answers cover; null where the store's levels are not all.</summary>
    public BlockRange? Blocks { get; init; }

    /// <summary>What it cost.</summary>
    public required PrivacyRecord Privacy { get; init; }
}

/// <summary>Asks, for free, what an error or an epsilon would be.</summary>
/// <param name="Epsilon">The epsilon to give the error of; or null.</param>
/// <param name="Error">The noise deviation to give the epsilon of; or null.</param>
/// <param name="Rows">
/// The number of rows to assume; null for the store's public count. Levels all: those that the answers cover; the estimate is of one node, such as all blocks together, and a range that takes k nodes, at
/// most 2 log2(blocks), has the square root of k times the noise of one over its rows.
/// </param>
/// <param name="Queries">Per-query: the number of different queries in one request; null for 1.</param>
public sealed record EstimateRequest(double? Epsilon = null, double? Error = null, long? Rows = null, int? Queries = null);

/// <summary>One line of an estimate.</summary>
/// <param name="Epsilon">The epsilon.</param>
/// <param name="Delta">At this delta.</param>
/// <param name="TypicalNoise">The typical noise deviation of an output coordinate; under per-query at most the diameter of the value bound, which answers are clipped to.</param>
/// <param name="KernelErrorBound">The kernel's part, in l2 norm.</param>
/// <param name="Tier">The tier, or null for an epsilon that is none of the ladder's.</param>
/// <param name="WorstNoise">The worst that the bounds allow; null where nothing bounds it.</param>
public sealed record EstimateLine(double Epsilon, double Delta, double TypicalNoise, double KernelErrorBound, int? Tier = null, double? WorstNoise = null);

/// <summary>Estimates: for the question asked, or for every tier of the ladder when none was.</summary>
/// <param name="Rows">The number of rows assumed.</param>
/// <param name="Lines">The estimates.</param>
public sealed record EstimateResponse(long Rows, IReadOnlyList<EstimateLine> Lines);
