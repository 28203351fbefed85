namespace DpAttn.Cli.Demo;

/// <summary>What the tables show beside the report.</summary>
internal sealed record DemoDetails
{
    public required double Scale { get; init; }

    public required int Degree { get; init; }

    /// <summary>The epsilons of the tiers.</summary>
    public required IReadOnlyList<double> Ladder { get; init; }

    /// <summary>How many publishes the error figures are means of; only the first is charged.</summary>
    public required int Repeats { get; init; }

    public required int Queries { get; init; }

    public required bool IsMade { get; init; }

    public required BudgetReport BudgetBefore { get; init; }

    public required BudgetReport BudgetOpened { get; init; }
}
