namespace DpAttn.Cli.Demo;

/// <summary>An account's budget in epsilons at the store's delta: each figure is its own conversion, they do not add.</summary>
internal sealed record BudgetReport(double Limit, double Spent, double Remaining);

/// <summary>What the demo found. The JSON output is this record.</summary>
internal sealed record DemoReport
{
    public required int Rows { get; init; }

    public required int KeyDimension { get; init; }

    public required int ValueDimension { get; init; }

    public required string Mechanism { get; init; }

    public required int Features { get; init; }

    public required double Epsilon { get; init; }

    public required double Delta { get; init; }

    public required string Adjacency { get; init; }

    /// <summary>Root mean square of exact attention minus the mean value.</summary>
    public required double SignalRms { get; init; }

    /// <summary>Root mean square of private minus exact.</summary>
    public required double Rmse { get; init; }

    /// <summary>Root mean square of private minus the noise-free polynomial answer.</summary>
    public required double RmseNoiseOnly { get; init; }

    public required double PredictedNoiseRms { get; init; }

    public required double KernelErrorBound { get; init; }

    /// <summary>The share of 95 % intervals that contain the noise-free polynomial answer.</summary>
    public required double Interval95Coverage { get; init; }

    public required double IndistinguishableShare { get; init; }

    /// <summary>The share of labels that exact attention minus the mean finds; null without labels.</summary>
    public required double? Top1Exact { get; init; }

    /// <summary>The same for private answers minus the released mean.</summary>
    public required double? Top1Private { get; init; }

    public required double QueryMicrosMedian { get; init; }

    public required double ExactQueryMicrosMedian { get; init; }

    public required double PublishSeconds { get; init; }

    /// <summary>The user's budget at the end.</summary>
    public required BudgetReport Budget { get; init; }
}
