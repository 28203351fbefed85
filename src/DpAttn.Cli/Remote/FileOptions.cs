using System.CommandLine;
using DpAttn.Cli.Files;

namespace DpAttn.Cli.Remote;

/// <summary>The flags that name files of rows and the places in them.</summary>
internal sealed class FileOptions
{
    private readonly Argument<string?> _file = new("file") { Description = "rows: .npz, .csv, .tsv, .parquet or .safetensors; or --keys and --values", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _keys = new("--keys") { Description = "n x d keys", HelpName = "K.npy" };
    private readonly Option<string?> _values = new("--values") { Description = "n x dv values", HelpName = "V.npy" };
    private readonly Option<string?> _keyColumns = new("--key-columns") { Description = "columns of the keys: names, numbers from 0, ranges (0-63, k0..k63), beginnings (k*), with commas", HelpName = "COLUMNS" };
    private readonly Option<string?> _valueColumns = new("--value-columns") { Description = "columns of the values", HelpName = "COLUMNS" };
    private readonly Option<bool> _noHeader = new("--no-header") { Description = ".csv: the first line is a row already" };
    private readonly Option<string?> _keysName = new("--keys-name") { Description = ".npz, .safetensors: the array of the keys; .parquet: the column of lists; default: keys", HelpName = "NAME" };
    private readonly Option<string?> _valuesName = new("--values-name") { Description = "the same for the values; default: values", HelpName = "NAME" };

    public Symbol[] All => [_file, _keys, _values, _keyColumns, _valueColumns, _noHeader, _keysName, _valuesName];

    /// <exception cref="ArgumentException">No file, or flags that do not go together.</exception>
    public RowFileSource Read(ParseResult parsed)
    {
        var (file, keys, values) = (parsed.GetValue(_file), parsed.GetValue(_keys), parsed.GetValue(_values));
        if (keys is null != values is null)
            throw new ArgumentException($"state both {_keys.Name} and {_values.Name}; {(keys is null ? _keys.Name : _values.Name)} is missing");
        if (file is null == keys is null)
            throw new ArgumentException($"state a file, or {_keys.Name} and {_values.Name}{(file is null ? "" : ", not both")}");
        var format = file is null ? RowFileFormat.NpyPair : RowFiles.FormatOf(file);
        Refuse(parsed, format, RowFileFormat.Csv, _noHeader);
        Refuse(parsed, format, [RowFileFormat.Csv, RowFileFormat.Parquet], _keyColumns, _valueColumns);
        Refuse(parsed, format, [RowFileFormat.Npz, RowFileFormat.Parquet, RowFileFormat.Safetensors], _keysName, _valuesName);
        if ((parsed.GetValue(_keyColumns) is not null && parsed.GetValue(_keysName) is not null) || (parsed.GetValue(_valueColumns) is not null && parsed.GetValue(_valuesName) is not null))
            throw new ArgumentException("state columns or a name, not both");
        return new RowFileSource
        {
            Format = format,
            Path = file ?? keys!,
            ValuesPath = values,
            KeyColumns = Selector(parsed, _keyColumns),
            ValueColumns = Selector(parsed, _valueColumns),
            HasHeader = !parsed.GetValue(_noHeader),
            KeysName = parsed.GetValue(_keysName) ?? "keys",
            ValuesName = parsed.GetValue(_valuesName) ?? "values",
        };
    }

    private static ColumnSelector? Selector(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is { } text ? new ColumnSelector(option.Name, text) : null;

    private static void Refuse(ParseResult parsed, RowFileFormat format, RowFileFormat only, Option option) => Refuse(parsed, format, [only], option);

    /// <summary>A flag that would be passed over silently is refused.</summary>
    private static void Refuse(ParseResult parsed, RowFileFormat format, RowFileFormat[] formats, params Option[] options)
    {
        if (!formats.Contains(format) && options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } wrong)
            throw new ArgumentException($"{wrong.Name} does not go with this kind of file");
    }
}
