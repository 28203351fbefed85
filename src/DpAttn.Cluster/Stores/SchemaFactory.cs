using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>From an owner's definition to the library's schema and parameters, and back to words.</summary>
internal static class SchemaFactory
{
    public const string ReplaceOne = "replace-one";
    public const string AddRemove = "add-remove";
    public const string Minimax = "minimax";
    public const string RootLevel = "root";
    public const string AllLevels = "all";
    public const string OnArrival = "on-arrival";
    public const string PublicSchedule = "public-schedule";
    private const string Taylor = "taylor";
    private const int LargestShards = 4096;

    /// <summary>The definition with its defaults filled in, after every check that can be made without rows.</summary>
    /// <exception cref="ProblemException">invalid_request: the message names the field and the bound.</exception>
    public static StoreDefinition Resolve(StoreDefinition definition)
    {
        try
        {
            var filled = definition with
            {
                Queries = definition.Queries ?? definition.Keys,
                Scale = definition.Scale ?? 1.0 / Math.Max(1, definition.KeyDimension),
                Mechanism = Mechanisms.Find(definition.Mechanism).Fill(definition.Mechanism),
            };
            Require(filled.Shards is >= 1 and <= LargestShards, $"shards must lie between 1 and {LargestShards}, not {filled.Shards}");
            Require(filled.PublicRows is null or > 0, "publicRows must be above 0");
            Require(filled.PublicRows is null || filled.Adjacency == AddRemove, "publicRows belongs to add-remove: under replace-one the row count itself is public");
            var model = StoreModel.Of(filled with { Delta = Delta.Claimed(filled.Delta).Value });
            RequireLadder(filled.Ladder);
            // A limit under which no tier could ever be bought is refused now, not at the first attempt.
            model.RequireRoom(new PrivacyLimit(Epsilon.Budget(filled.Limit), model.Delta));
            return filled;
        }
        catch (ArgumentException e)
        {
            throw Invalid(e);
        }
    }

    /// <summary>The schema of a definition whose defaults are filled in.</summary>
    public static StoreSchema Schema(StoreDefinition definition)
    {
        Require(definition.KeyDimension is >= 1 and <= StoreSchema.LargestDimension, $"keyDimension must lie between 1 and {StoreSchema.LargestDimension}, not {definition.KeyDimension}");
        Require(definition.ValueDimension is >= 1 and <= StoreSchema.LargestDimension, $"valueDimension must lie between 1 and {StoreSchema.LargestDimension}, not {definition.ValueDimension}");
        var adjacency = definition.Adjacency switch
        {
            ReplaceOne => Adjacency.ReplaceOne,
            AddRemove => Adjacency.AddRemove,
            var other => throw new ArgumentException($"adjacency must be {ReplaceOne} or {AddRemove}, not {Printable(other)}"),
        };
        return new StoreSchema(
            ToRegion("keys", definition.Keys, definition.KeyDimension),
            ToRegion("queries", definition.Queries!, definition.KeyDimension),
            ToValueBound(definition.Values, definition.ValueDimension),
            definition.Scale!.Value,
            adjacency,
            definition.Capacity);
    }

    /// <summary>The moment tree's parameters of a definition whose defaults are filled in.</summary>
    public static MomentParameters Parameters(StoreDefinition definition)
    {
        var kernel = definition.Mechanism.Kernel switch
        {
            Minimax => KernelMethod.Minimax,
            Taylor => KernelMethod.Taylor,
            var other => throw new ArgumentException($"kernel must be {Minimax} or {Taylor}, not {Printable(other)}"),
        };
        return MomentParameters.Create(Schema(definition), definition.Mechanism.Degree!.Value, kernel);
    }

    /// <summary>The parameters of all nodes of a moment tree, of a definition whose defaults are filled in.</summary>
    public static MomentTreeParameters TreeParameters(StoreDefinition definition)
    {
        var stated = definition.Mechanism;
        Require(stated.Levels == AllLevels, $"levels must be {AllLevels}: of {RootLevel} there is no tree");
        var slots = stated.Slots switch
        {
            null or OnArrival => SlotFilling.OnArrival,
            PublicSchedule => SlotFilling.PublicSchedule,
            var other => throw new ArgumentException($"slots must be {OnArrival} or {PublicSchedule}, not {Printable(other)}"),
        };
        return MomentTreeParameters.Create(Parameters(definition), stated.BlockRows!.Value, stated.Continual == true, slots);
    }

    /// <summary>The distance-tree's parameters of a definition whose defaults are filled in.</summary>
    public static DistanceTreeParameters DistanceParameters(StoreDefinition definition)
    {
        var stated = definition.Mechanism;
        return DistanceTreeParameters.Create(Schema(definition), stated.Degree!.Value, stated.Alpha!.Value, stated.GridCells!.Value, stated.Copies!.Value);
    }

    /// <summary>The ladder of a release of the moment tree.</summary>
    public static NoiseLadder Ladder(MomentParameters parameters, IReadOnlyList<double> epsilons, Delta delta)
    {
        RequireLadder(epsilons);
        return MomentRelease.Calibrate(parameters, [.. epsilons.Select(Epsilon.Budget)], delta);
    }

    /// <summary>Refuses epsilons that are no ladder before anything is computed from them.</summary>
    public static void RequireLadder(IReadOnlyList<double> epsilons)
    {
        const int MostTiers = 64;
        Require(epsilons is not null, "ladder: state the epsilons of its tiers");
        Require(epsilons!.Count is >= 1 and <= MostTiers, $"a ladder has 1 to {MostTiers} tiers, not {epsilons.Count}");
    }

    /// <summary>An argument that the library refused, as a problem.</summary>
    public static ProblemException Invalid(ArgumentException refusal)
    {
        // .NET appends the parameter's name and the value to the message.
        var line = refusal.Message.Split('\n')[0];
        var suffix = line.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return new ProblemException(ProblemCodes.InvalidRequest, suffix < 0 ? line : line[..suffix], refusal);
    }

    private static Region ToRegion(string name, RegionBound bound, int dimension)
    {
        Require(bound is not null && bound.Ball is null != bound.Box is null, $"{name}: state exactly one of ball and box");
        if (bound!.Ball is { } ball)
        {
            if (ball.Centre is not { } centre)
                return Region.Ball(dimension, ball.Radius);
            Require(centre.Count == dimension, $"{name}: the ball's centre has {centre.Count} numbers; the dimension is {dimension}");
            return Region.Ball([.. centre], ball.Radius);
        }
        return Region.Box(Corner(name, "low", bound.Box!.Low, dimension), Corner(name, "high", bound.Box.High, dimension));
    }

    private static double[] Corner(string name, string which, IReadOnlyList<double> numbers, int dimension)
    {
        Require(numbers is not null && (numbers.Count == dimension || numbers.Count == 1), $"{name}: the box's {which} needs {dimension} numbers, or one for all");
        return numbers!.Count == dimension ? [.. numbers] : [.. Enumerable.Repeat(numbers[0], dimension)];
    }

    private static ValueBound ToValueBound(ValueBoundStatement bound, int dimension)
    {
        Require(bound is not null && bound.Radius is null != bound.Entry is null, "values: state exactly one of radius and entry");
        return bound!.Radius is { } radius ? ValueBound.Ball(dimension, radius) : ValueBound.Box(dimension, bound.Entry!.Value);
    }

    public static void Require(bool holds, string message)
    {
        if (!holds)
            throw new ArgumentException(message);
    }

    public static string Printable(string? text) =>
        text is null ? "null" : new string([.. text.Take(40).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '?')]);
}
