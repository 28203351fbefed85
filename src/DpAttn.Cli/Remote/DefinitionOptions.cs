using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using DpAttn.Contracts;

namespace DpAttn.Cli.Remote;

/// <summary>The flags that state what a store is, or the file that does. The server checks it; nothing here is derived from rows.</summary>
internal sealed class DefinitionOptions
{
    private const int LongestFile = 16 << 20;

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web)
    {
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    private readonly Option<string?> _file = new("--definition") { Description = "a JSON file of the whole definition, in place of the flags below", HelpName = "FILE" };
    private readonly Option<long?> _keyDimension = Arguments.Whole("--key-dimension", "d, how many numbers a key has");
    private readonly Option<long?> _valueDimension = Arguments.Whole("--value-dimension", "dv, how many numbers a value has");
    private readonly Option<double?> _keyRadius = Arguments.Number("--key-radius", "keys lie in the l2 ball of this radius around 0");
    private readonly Option<double[]?> _keyBox = Arguments.NumberList("--key-box", "every key coordinate lies between LOW,HIGH");
    private readonly Option<double?> _queryRadius = Arguments.Number("--query-radius", "queries lie in this l2 ball; default: as the keys");
    private readonly Option<double[]?> _queryBox = Arguments.NumberList("--query-box", "every query coordinate lies between LOW,HIGH; default: as the keys");
    private readonly Option<double?> _valueRadius = Arguments.Number("--value-radius", "values lie in the l2 ball of this radius around 0");
    private readonly Option<double?> _valueEntry = Arguments.Number("--value-entry", "every number of a value has at most this magnitude");
    private readonly Option<double?> _scale = Arguments.Number("--scale", "the factor in exp(scale <q, k>); default: 1/d");
    private readonly Option<string?> _adjacency = new("--adjacency") { Description = "which row sets are neighbours; default: replace-one", HelpName = "replace-one|add-remove" };
    private readonly Option<string?> _mechanism = new("--mechanism") { Description = "how answers get their noise; default: moment-tree", HelpName = "moment-tree|distance-tree|per-query" };
    private readonly Option<long?> _degree = Arguments.Whole("--degree", "moment-tree, distance-tree: degree of the kernel polynomial; default: 2");
    private readonly Option<string?> _kernel = new("--kernel") { Description = "moment-tree: the polynomial that stands for exp; default: minimax", HelpName = "minimax|taylor" };
    private readonly Option<double?> _alpha = Arguments.Number("--alpha", "distance-tree: by what share a distance may be taken too far, 0 for exact distances; default: 0.1");
    private readonly Option<long?> _gridCells = Arguments.Whole("--grid-cells", "distance-tree: points of every feature's grid, a power of two; default: 1024");
    private readonly Option<long?> _copies = Arguments.Whole("--copies", "distance-tree: copies with noise of their own, whose median is answered, odd; default: 1");
    private readonly Option<string?> _levels = new("--levels") { Description = "moment-tree: release the sum of all rows alone, or every node of a tree over blocks of slots, for answers about any range of blocks; default: root", HelpName = "root|all" };
    private readonly Option<long?> _blockRows = Arguments.Whole("--block-rows", "levels all: slots per block, a power of two; default: 1024");
    private readonly Option<bool> _continual = new("--continual") { Description = "levels all: rows keep arriving under one release and one charge, up to the capacity; a block's nodes are released when it is full" };
    private readonly Option<string?> _slots = new("--slots") { Description = "continual: how rows come to their slots; under add-remove public-schedule must be stated, and hold; default: on-arrival", HelpName = "on-arrival|public-schedule" };
    private readonly Option<double?> _delta = Arguments.Number("--delta", "delta of every epsilon of the store; default: 1e-6");
    private readonly Option<double[]?> _ladder = Arguments.NumberList("--ladder", "the epsilons of a release's tiers, or that per-query answers may be bought at, ascending, such as 0.25,0.5,1");
    private readonly Option<double?> _limit = Arguments.Number("--limit", "the limit of all users together, in epsilon");
    private readonly Option<long?> _capacity = Arguments.Whole("--capacity", "how many rows (add-remove: slots) it may hold");
    private readonly Option<long?> _publicRows = Arguments.Whole("--public-rows", "add-remove: a number of rows that is public, for estimates");
    private readonly Option<long?> _shards = Arguments.Whole("--shards", "shards; default: 4");

    public Symbol[] All =>
    [
        _file, _keyDimension, _valueDimension, _keyRadius, _keyBox, _queryRadius, _queryBox, _valueRadius, _valueEntry, _scale, _adjacency,
        _mechanism, _degree, _kernel, _alpha, _gridCells, _copies, _levels, _blockRows, _continual, _slots, _delta, _ladder, _limit, _capacity, _publicRows, _shards,
    ];

    /// <exception cref="ArgumentException">A flag is missing, or two say the same.</exception>
    /// <exception cref="DataFaultException">The file is no definition.</exception>
    public StoreDefinition Read(ParseResult parsed)
    {
        if (parsed.GetValue(_file) is not { } path)
            return FromFlags(parsed);
        if (All.OfType<Option>().FirstOrDefault(option => option != _file && parsed.GetResult(option) is { Implicit: false }) is { } other)
            throw new ArgumentException($"{_file.Name} holds the whole definition; {other.Name} does not go with it");
        return FromFile(path);
    }

    private StoreDefinition FromFlags(ParseResult parsed)
    {
        var mechanism = new MechanismDefinition();
        var definition = new StoreDefinition
        {
            KeyDimension = parsed.RequireInt(_keyDimension),
            ValueDimension = parsed.RequireInt(_valueDimension),
            Keys = Region(parsed, _keyRadius, _keyBox) ?? throw new ArgumentException($"state {_keyRadius.Name} or {_keyBox.Name}: bounds are public statements of the owner and are never derived from the rows"),
            Queries = Region(parsed, _queryRadius, _queryBox),
            Values = Values(parsed),
            Scale = parsed.GetValue(_scale),
            Mechanism = new MechanismDefinition(
                parsed.GetValue(_mechanism) ?? mechanism.Name, parsed.GetInt(_degree), parsed.GetValue(_kernel), parsed.GetValue(_alpha), parsed.GetInt(_gridCells), parsed.GetInt(_copies),
                parsed.GetValue(_levels), parsed.GetInt(_blockRows), parsed.GetValue(_continual) ? true : null, parsed.GetValue(_slots)),
            Ladder = parsed.GetNumbers(_ladder) ?? throw new ArgumentException($"state {_ladder.Name}: {_ladder.Description}"),
            Limit = parsed.Require(_limit),
            Capacity = parsed.Require(_capacity),
            PublicRows = parsed.GetValue(_publicRows),
        };
        return definition with
        {
            Adjacency = parsed.GetValue(_adjacency) ?? definition.Adjacency,
            Delta = parsed.GetValue(_delta) ?? definition.Delta,
            Shards = parsed.GetInt(_shards) ?? definition.Shards,
        };
    }

    private ValueBoundStatement Values(ParseResult parsed)
    {
        var (radius, entry) = (parsed.GetValue(_valueRadius), parsed.GetValue(_valueEntry));
        return (radius is null) != (entry is null)
            ? new ValueBoundStatement(radius, entry)
            : throw new ArgumentException($"state one of {_valueRadius.Name} and {_valueEntry.Name}: bounds are public statements of the owner and are never derived from the rows");
    }

    private static RegionBound? Region(ParseResult parsed, Option<double?> radius, Option<double[]?> box) => (parsed.GetValue(radius), parsed.GetNumbers(box)) switch
    {
        (null, null) => null,
        ({ } r, null) => new RegionBound(Ball: new BallBound(r)),
        (null, [var low, var high]) => new RegionBound(Box: new BoxBound([low], [high])),
        (null, _) => throw new ArgumentException($"{box.Name} takes two numbers LOW,HIGH"),
        _ => throw new ArgumentException($"state {radius.Name} or {box.Name}, not both"),
    };

    private static StoreDefinition FromFile(string path)
    {
        var name = Path.GetFileName(path);
        using var stream = File.OpenRead(path);
        if (stream.Length > LongestFile)
            throw new DataFaultException($"{name} has {stream.Length} bytes; a definition has at most {LongestFile}");
        try
        {
            return JsonSerializer.Deserialize<StoreDefinition>(stream, Strict) ?? throw new DataFaultException($"{name} holds null where a definition is needed");
        }
        catch (JsonException e)
        {
            throw new DataFaultException($"{name} is no definition: {(e.Path is null or "$" ? "" : e.Path + ", ")}line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}: {Reason(e)}");
        }
    }

    // The reader's sentence ends before it repeats path and line.
    private static string Reason(JsonException e)
    {
        var end = e.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        return end < 0 ? e.Message : e.Message[..end];
    }
}
