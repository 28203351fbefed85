namespace DpAttn.Cli.Bench;

/// <summary>The error of one mechanism at one point. The JSON output is an array of these.</summary>
internal sealed record AccuracyResult
{
    public required string Mechanism { get; init; }

    public required string Calibration { get; init; }

    public required string Workload { get; init; }

    public required int Rows { get; init; }

    public required int KeyDimension { get; init; }

    public required int ValueDimension { get; init; }

    /// <summary>The point's; exact attention has none of its own.</summary>
    public required double Epsilon { get; init; }

    public required double Delta { get; init; }

    /// <summary>Root mean square against exact attention over draws, queries and columns; null where refused.</summary>
    public required double? Rmse { get; init; }

    /// <summary>The 2.5 % point of the draws' errors.</summary>
    public required double? RmseLow { get; init; }

    /// <summary>The 97.5 % point of the draws' errors.</summary>
    public required double? RmseHigh { get; init; }

    /// <summary>Root mean square of exact attention minus the mean value.</summary>
    public required double SignalRms { get; init; }

    public required double? QueryMicrosMedian { get; init; }

    /// <summary>Why the mechanism does not fit; null where it does.</summary>
    public required string? Refused { get; init; }

    /// <summary>Mechanism and, where there are several, calibration.</summary>
    internal string Label => Mechanism == DpAttn.Attention.DistanceTreeRelease.Mechanism ? $"{Mechanism} {Calibration}" : Mechanism;
}
