using System.CommandLine;
using DpAttn.Cli.Demo;

namespace DpAttn.Cli.Commands;

/// <summary>The flags that name the user's files, or the shape of rows to make.</summary>
internal sealed class DataOptions
{
    private readonly Option<string?> _keys = new("--keys") { Description = "n x d keys", HelpName = "K.npy" };
    private readonly Option<string?> _values = new("--values") { Description = "n x dv values", HelpName = "V.npy" };
    private readonly Option<string?> _queries = new("--queries") { Description = "m x d queries; default: up to 1,000 of the keys", HelpName = "Q.npy" };
    private readonly Option<string?> _labels = new("--labels") { Description = "m class numbers of the queries, 0 to dv - 1; values are then one-hot", HelpName = "L.npy" };
    private readonly Option<int> _rows = NumberOption.WithDefault("--rows", "how many rows to make when no files are given", 50_000);
    private readonly Option<int> _keyDimension = NumberOption.WithDefault("--key-dimension", "d of made rows", 32);
    private readonly Option<int> _valueDimension = NumberOption.WithDefault("--value-dimension", "dv of made rows: their number of clusters", 8);

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _keys, _values, _queries, _labels, _rows, _keyDimension, _valueDimension })
            command.Options.Add(option);
    }

    /// <summary>Whether the rows come from files.</summary>
    public bool AreStated(ParseResult parsed) => parsed.GetValue(_keys) is not null;

    /// <summary>Refuses flags that do not go together.</summary>
    /// <exception cref="ArgumentException">A flag is missing, or would be ignored.</exception>
    public void RequireConsistent(ParseResult parsed)
    {
        var (keys, values) = (parsed.GetValue(_keys), parsed.GetValue(_values));
        if (keys is null != values is null)
            throw new ArgumentException($"state both {_keys.Name} and {_values.Name}; {(keys is null ? _keys.Name : _values.Name)} is missing");
        if (keys is null && (parsed.GetValue(_queries) ?? parsed.GetValue(_labels)) is not null)
            throw new ArgumentException($"{_queries.Name} and {_labels.Name} go with {_keys.Name} and {_values.Name}");
        if (parsed.GetValue(_labels) is not null && parsed.GetValue(_queries) is null)
            throw new ArgumentException($"{_labels.Name} are the classes of {_queries.Name}; state both");
        if (keys is not null && new Option[] { _rows, _keyDimension, _valueDimension }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } made)
            throw new ArgumentException($"{made.Name} shapes made rows; it does not go with {_keys.Name}");
        parsed.RequireAtLeastOne(_rows, _keyDimension, _valueDimension);
    }

    /// <summary>The user's rows.</summary>
    /// <exception cref="DataFaultException">Files that do not fit together.</exception>
    public DemoData Load(ParseResult parsed) =>
        DemoData.Load(parsed.GetValue(_keys)!, parsed.GetValue(_values)!, parsed.GetValue(_queries), parsed.GetValue(_labels));

    /// <summary>Rows, d and dv to make.</summary>
    public (int Rows, int KeyDimension, int ValueDimension) MadeShape(ParseResult parsed) =>
        (parsed.GetValue(_rows), parsed.GetValue(_keyDimension), parsed.GetValue(_valueDimension));
}
