using DpAttn.Contracts;

namespace DpAttn.Cli.Tests;

/// <summary>What a server answers.</summary>
internal static class Samples
{
    public static StoreDescription Store { get; } = new()
    {
        Name = "packages",
        Incarnation = "inc1",
        State = "active",
        Definition = new StoreDefinition
        {
            KeyDimension = 2,
            ValueDimension = 1,
            Keys = new RegionBound(Ball: new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Ladder = [0.5, 1],
            Limit = 1,
            Capacity = 1000,
        },
        Slots = 10,
        Batches = 1,
        Releases = [],
    };

    public static ReleaseDescription Release(string state, double progress = 1, string? failure = null) => new()
    {
        Id = "r1",
        State = state,
        Progress = progress,
        Slots = 10,
        Tiers = [new TierDescription(0, 0.5, 1e-6, 0.11), new TierDescription(1, 1, 1e-6, 0.21)],
        Created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Failure = failure,
    };

    public static BudgetDescription Budget(string account = "acc1") => new()
    {
        Account = account,
        Delta = 1e-6,
        Limit = 2,
        Spent = 1,
        Remaining = 1.5,
        LimitUnits = 200,
        SpentUnits = 100,
        Opened = [new OpenedTier("r1", 1)],
    };

    public static Problem Problem(int status, string code, string detail = "what, where and the bound") => new()
    {
        Type = "urn:dpattn:problem:" + code,
        Title = "A title",
        Status = status,
        Detail = detail,
        Code = code,
        Retryable = false,
        TraceId = "trace1",
    };
}
