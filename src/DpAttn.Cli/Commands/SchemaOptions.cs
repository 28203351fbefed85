using System.CommandLine;
using System.Globalization;
using DpAttn.Attention;

namespace DpAttn.Cli.Commands;

/// <summary>The flags that state a store's public bounds, shared by the commands that need them.</summary>
internal sealed class SchemaOptions
{
    private readonly Option<double?> _scale = new("--scale") { Description = "the factor in exp(scale <q, k>); default 1/d" };
    private readonly Option<int> _degree = new("--degree") { Description = "degree of the kernel polynomial", DefaultValueFactory = _ => 2 };
    private readonly Option<string> _kernel = new("--kernel") { Description = "minimax or taylor", DefaultValueFactory = _ => "minimax" };
    private readonly Option<double?> _keyRadius = new("--key-radius") { Description = "keys lie in the l2 ball of this radius around 0" };
    private readonly Option<string?> _keyBox = new("--key-box") { Description = "every key coordinate lies in LOW,HIGH" };
    private readonly Option<double?> _queryRadius = new("--query-radius") { Description = "queries lie in this l2 ball; default: as the keys" };
    private readonly Option<string?> _queryBox = new("--query-box") { Description = "every query coordinate lies in LOW,HIGH" };
    private readonly Option<double?> _valueRadius = new("--value-radius") { Description = "values lie in the l2 ball of this radius around 0" };
    private readonly Option<string> _adjacency = new("--adjacency") { Description = "replace-one or add-remove", DefaultValueFactory = _ => "replace-one" };

    public SchemaOptions()
    {
        _kernel.AcceptOnlyFromAmong("minimax", "taylor");
        _adjacency.AcceptOnlyFromAmong("replace-one", "add-remove");
    }

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _scale, _degree, _kernel, _keyRadius, _keyBox, _queryRadius, _queryBox, _valueRadius, _adjacency })
            command.Options.Add(option);
    }

    /// <summary>The mechanism's parameters from the flags.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="keyDimension">d.</param>
    /// <param name="valueDimension">dv.</param>
    /// <param name="capacity">Rows.</param>
    /// <param name="statedRadius">The bound of keys and values where no flag states one; null where a flag is required.</param>
    /// <exception cref="ArgumentException">A bound is missing, stated twice, or impossible.</exception>
    public MomentParameters Read(ParseResult parsed, int keyDimension, int valueDimension, long capacity, double? statedRadius)
    {
        var keys = ReadRegion(parsed, _keyRadius, _keyBox, keyDimension)
            ?? (statedRadius is { } radius ? Region.Ball(keyDimension, radius)
            : throw new ArgumentException("state the bound of the keys: --key-radius R or --key-box LOW,HIGH. Bounds are public statements of the owner and are never derived from the rows"));
        var queries = ReadRegion(parsed, _queryRadius, _queryBox, keyDimension) ?? keys;
        var values = parsed.GetValue(_valueRadius) ?? statedRadius
            ?? throw new ArgumentException("state the bound of the values: --value-radius R. Bounds are public statements of the owner and are never derived from the rows");
        var schema = new StoreSchema(
            keys, queries, ValueBound.Ball(valueDimension, values), parsed.GetValue(_scale) ?? 1.0 / keyDimension,
            parsed.GetValue(_adjacency) == "replace-one" ? Adjacency.ReplaceOne : Adjacency.AddRemove, capacity);
        return MomentParameters.Create(schema, parsed.GetValue(_degree), parsed.GetValue(_kernel) == "taylor" ? KernelMethod.Taylor : KernelMethod.Minimax);
    }

    public static string Name(Adjacency adjacency) => adjacency == Adjacency.ReplaceOne ? "replace-one" : "add-remove";

    private static Region? ReadRegion(ParseResult parsed, Option<double?> radius, Option<string?> box, int dimension)
    {
        var text = parsed.GetValue(box);
        if (parsed.GetValue(radius) is { } r)
            return text is null ? Region.Ball(dimension, r) : throw new ArgumentException($"state {radius.Name} or {box.Name}, not both");
        if (text is null)
            return null;
        var parts = text.Split(',');
        return parts.Length == 2
            && double.TryParse(parts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var low)
            && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var high)
            ? Region.Box(dimension, low, high)
            : throw new ArgumentException($"{box.Name} takes two numbers LOW,HIGH");
    }
}
