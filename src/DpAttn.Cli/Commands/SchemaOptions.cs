using System.CommandLine;
using System.Globalization;
using DpAttn.Attention;

namespace DpAttn.Cli.Commands;

/// <summary>The flags that state a store's public bounds, shared by the commands that need them.</summary>
internal sealed class SchemaOptions
{
    private readonly Option<double?> _scale = NumberOption.Optional("--scale", "the factor in exp(scale <q, k>); default: 1/d");
    private readonly Option<int> _degree = NumberOption.WithDefault("--degree", "degree of the kernel polynomial", 2);
    private readonly Option<string> _kernel = ChoiceOption.Create("--kernel", "the polynomial that stands for exp", "minimax", "taylor");
    private readonly Option<double?> _keyRadius = NumberOption.Optional("--key-radius", "keys lie in the l2 ball of this radius around 0");
    private readonly Option<string?> _keyBox = new("--key-box") { Description = "every key coordinate lies between LOW and HIGH", HelpName = "LOW,HIGH" };
    private readonly Option<double?> _queryRadius = NumberOption.Optional("--query-radius", "queries lie in this l2 ball; default: as the keys");
    private readonly Option<string?> _queryBox = new("--query-box") { Description = "every query coordinate lies between LOW and HIGH; default: as the keys", HelpName = "LOW,HIGH" };
    private readonly Option<double?> _valueRadius = NumberOption.Optional("--value-radius", "values lie in the l2 ball of this radius around 0");
    private readonly Option<string> _adjacency = ChoiceOption.Create("--adjacency", "which row sets are neighbours", "replace-one", "add-remove");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _scale, _degree, _kernel, _keyRadius, _keyBox, _queryRadius, _queryBox, _valueRadius, _adjacency })
            command.Options.Add(option);
    }

    /// <summary>Refuses a command line that leaves a bound unstated, before anything is read.</summary>
    /// <exception cref="ArgumentException">A bound is missing; the message names each flag that is.</exception>
    public void RequireStatedBounds(ParseResult parsed)
    {
        var missing = new List<string>();
        if (parsed.GetValue(_keyRadius) is null && parsed.GetValue(_keyBox) is null)
            missing.Add($"of the keys with {_keyRadius.Name} R or {_keyBox.Name} LOW,HIGH");
        if (parsed.GetValue(_valueRadius) is null)
            missing.Add($"of the values with {_valueRadius.Name} R");
        if (missing.Count > 0)
            throw new ArgumentException($"state the bound {string.Join(", and ", missing)}: bounds are public statements of the owner and are never derived from the rows");
    }

    /// <summary>Refuses bounds where rows are made and bring their own.</summary>
    /// <exception cref="ArgumentException">A bound is stated; the message names the first.</exception>
    public void RequireNoBounds(ParseResult parsed, string reason)
    {
        if (FirstBound(parsed) is { } stated)
            throw new ArgumentException($"{stated.Name} {reason}");
    }

    public int ReadDegree(ParseResult parsed) => parsed.GetValue(_degree);

    public KernelMethod ReadKernel(ParseResult parsed) => parsed.GetValue(_kernel) == "taylor" ? KernelMethod.Taylor : KernelMethod.Minimax;

    public Adjacency ReadAdjacency(ParseResult parsed) => parsed.GetValue(_adjacency) == "replace-one" ? Adjacency.ReplaceOne : Adjacency.AddRemove;

    /// <summary>The moment tree's parameters from the flags; for the rest see <see cref="ReadSchema"/>.</summary>
    /// <exception cref="ArgumentException">A bound is missing, stated twice, or impossible.</exception>
    public MomentParameters Read(ParseResult parsed, int keyDimension, int valueDimension, long capacity, double? madeRadius) =>
        MomentParameters.Create(ReadSchema(parsed, keyDimension, valueDimension, capacity, madeRadius), ReadDegree(parsed), ReadKernel(parsed));

    /// <summary>The schema from the flags.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="keyDimension">d.</param>
    /// <param name="valueDimension">dv.</param>
    /// <param name="capacity">Rows.</param>
    /// <param name="madeRadius">The bound of keys and values where no flag states one: that of made rows, null for anybody's own.</param>
    /// <exception cref="ArgumentException">A bound is missing, stated twice, or impossible.</exception>
    public StoreSchema ReadSchema(ParseResult parsed, int keyDimension, int valueDimension, long capacity, double? madeRadius)
    {
        if (madeRadius is null)
            RequireStatedBounds(parsed);
        var keys = ReadRegion(parsed, _keyRadius, _keyBox, keyDimension) ?? Region.Ball(keyDimension, madeRadius!.Value);
        var queries = ReadRegion(parsed, _queryRadius, _queryBox, keyDimension) ?? keys;
        var values = ValueBound.Ball(valueDimension, ReadRadius(parsed, _valueRadius) ?? madeRadius!.Value);
        return new StoreSchema(keys, queries, values, parsed.GetValue(_scale) ?? 1.0 / keyDimension, ReadAdjacency(parsed), capacity);
    }

    /// <summary>The adjacency that a flag states, or both.</summary>
    public IReadOnlyList<Adjacency> ReadAdjacencies(ParseResult parsed) =>
        parsed.GetResult(_adjacency) is { Implicit: false } ? [ReadAdjacency(parsed)] : [Adjacency.ReplaceOne, Adjacency.AddRemove];

    /// <summary>Whether any bound, or the scale, is stated.</summary>
    public bool StatesBounds(ParseResult parsed) => FirstBound(parsed) is not null;

    public static string Name(Adjacency adjacency) => adjacency == Adjacency.ReplaceOne ? "replace-one" : "add-remove";

    private Option? FirstBound(ParseResult parsed) =>
        new Option[] { _scale, _keyRadius, _keyBox, _queryRadius, _queryBox, _valueRadius }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });

    private static Region? ReadRegion(ParseResult parsed, Option<double?> radius, Option<string?> box, int dimension)
    {
        var text = parsed.GetValue(box);
        if (ReadRadius(parsed, radius) is { } r)
            return text is null ? Region.Ball(dimension, r) : throw new ArgumentException($"state {radius.Name} or {box.Name}, not both");
        if (text is null)
            return null;
        var parts = text.Split(',');
        return parts.Length == 2
            && double.TryParse(parts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var low)
            && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var high)
            && double.IsFinite(low) && double.IsFinite(high) && low < high
            ? Region.Box(dimension, low, high)
            : throw new ArgumentException($"{box.Name} takes two finite numbers LOW,HIGH with LOW below HIGH, not '{text}'");
    }

    private static double? ReadRadius(ParseResult parsed, Option<double?> radius) => parsed.GetValue(radius) switch
    {
        null => null,
        > 0 and < double.PositiveInfinity and var r => r,
        var r => throw new ArgumentException($"{radius.Name} must be finite and above 0, not {r}"),
    };
}
