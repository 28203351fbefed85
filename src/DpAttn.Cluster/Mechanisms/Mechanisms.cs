using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>A mechanism as an owner names it.</summary>
/// <param name="Name">Its name in a definition.</param>
/// <param name="Fill">The definition with the mechanism's own defaults filled in; refuses what does not apply to it.</param>
/// <param name="Model">The model of a filled definition.</param>
internal sealed record Mechanism(string Name, Func<MechanismDefinition, MechanismDefinition> Fill, Func<StoreDefinition, StoreModel> Model);

/// <summary>The mechanisms of this server: another one is a model and a line here.</summary>
internal static class Mechanisms
{
    private const int DefaultBlockRows = 1024;

    public static IReadOnlyList<Mechanism> All { get; } =
    [
        new(MomentRelease.Mechanism, FillMoment, MomentModelOf),
        new(DistanceTreeRelease.Mechanism, FillDistance, definition => new DistanceModel(definition, SchemaFactory.DistanceParameters(definition))),
        new(PerQueryNoise.Mechanism, FillPerQuery, definition => new PerQueryModel(definition, PerQueryParameters.Create(SchemaFactory.Schema(definition)))),
    ];

    /// <exception cref="ArgumentException">No such mechanism.</exception>
    public static Mechanism Find(MechanismDefinition? stated)
    {
        SchemaFactory.Require(stated is not null, "mechanism must not be null");
        return All.FirstOrDefault(mechanism => mechanism.Name == stated!.Name)
            ?? throw new ArgumentException($"mechanism {SchemaFactory.Printable(stated!.Name)} is not known; this server has {string.Join(", ", All.Select(mechanism => mechanism.Name))}");
    }

    private static MechanismDefinition FillMoment(MechanismDefinition stated)
    {
        RequireNoGrid(stated);
        return FillLevels(stated) with { Degree = stated.Degree ?? 2, Kernel = stated.Kernel ?? SchemaFactory.Minimax };
    }

    /// <summary>Root and not continual are filled in as nothing, which is what definitions say that were stored before there was a choice.</summary>
    private static MechanismDefinition FillLevels(MechanismDefinition stated)
    {
        SchemaFactory.Require(
            stated.Levels is null or SchemaFactory.RootLevel or SchemaFactory.AllLevels,
            $"levels must be {SchemaFactory.RootLevel} or {SchemaFactory.AllLevels}, not {SchemaFactory.Printable(stated.Levels)}");
        if (stated.Levels != SchemaFactory.AllLevels)
        {
            SchemaFactory.Require(
                stated is { BlockRows: null, Continual: null or false, Slots: null },
                $"blockRows, continual and slots belong to levels {SchemaFactory.AllLevels}, and levels is {SchemaFactory.RootLevel}; leave them out");
            return stated with { Levels = null, Continual = null };
        }
        var isContinual = stated.Continual == true;
        SchemaFactory.Require(isContinual || stated.Slots is null, "slots belongs to continual stores: in others all rows are released together; leave it out");
        return stated with
        {
            BlockRows = stated.BlockRows ?? DefaultBlockRows,
            Continual = isContinual ? true : null,
            Slots = isContinual ? stated.Slots ?? SchemaFactory.OnArrival : null,
        };
    }

    private static StoreModel MomentModelOf(StoreDefinition definition)
    {
        if (definition.Mechanism.Levels is null)
            return new MomentModel(definition, SchemaFactory.Parameters(definition));
        return new TreeModel(definition, SchemaFactory.TreeParameters(definition));
    }

    private static MechanismDefinition FillDistance(MechanismDefinition stated)
    {
        RequireNoLevels(stated);
        SchemaFactory.Require(stated.Kernel is null, $"kernel belongs to {MomentRelease.Mechanism}: the features of {DistanceTreeRelease.Mechanism} are those of Taylor's polynomial; leave it out");
        return stated with { Degree = stated.Degree ?? 2, Alpha = stated.Alpha ?? 0.1, GridCells = stated.GridCells ?? 1024, Copies = stated.Copies ?? 1 };
    }

    private static MechanismDefinition FillPerQuery(MechanismDefinition stated)
    {
        SchemaFactory.Require(stated.Degree is null && stated.Kernel is null, $"degree and kernel belong to {MomentRelease.Mechanism}: {PerQueryNoise.Mechanism} evaluates the exponential itself; leave them out");
        RequireNoLevels(stated);
        RequireNoGrid(stated);
        return stated;
    }

    private static void RequireNoLevels(MechanismDefinition stated) => SchemaFactory.Require(
        stated is { Levels: null, BlockRows: null, Continual: null, Slots: null },
        $"levels, blockRows, continual and slots belong to {MomentRelease.Mechanism}, and the mechanism is {stated.Name}; leave them out");

    private static void RequireNoGrid(MechanismDefinition stated) => SchemaFactory.Require(
        stated is { Alpha: null, GridCells: null, Copies: null },
        $"alpha, gridCells and copies belong to {DistanceTreeRelease.Mechanism}, and the mechanism is {stated.Name}; leave them out");
}
