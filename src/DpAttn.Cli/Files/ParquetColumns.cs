using Parquet.Schema;

namespace DpAttn.Cli.Files;

/// <summary>Where a row's keys, or its values, are in a .parquet file: one column of lists, or several columns of numbers.</summary>
/// <param name="Fields">The leaves; a single one for lists.</param>
/// <param name="IsList">Whether it is a column of lists.</param>
internal sealed record ParquetColumns(DataField[] Fields, bool IsList)
{
    /// <exception cref="RowFileException">No such columns, or none of numbers.</exception>
    public static ParquetColumns Resolve(string name, ParquetSchema schema, ColumnSelector? selector, string defaultName, string option)
    {
        var names = schema.Fields.Select(field => field.Name).ToArray();
        var chosen = selector ?? new ColumnSelector(option, defaultName);
        var fields = chosen.Resolve(name, names, names.Length).Select(column => schema.Fields[column]).ToArray();
        if (fields is [var only] && Leaf(only) is { } leaf)
            return new ParquetColumns([RequireNumbers(name, leaf)], IsList: true);
        return new ParquetColumns([.. fields.Select(field => field is DataField { IsArray: false } data
            ? RequireNumbers(name, data)
            : throw new RowFileException(name, $"column '{field.Name}': a list can only stand alone, and structures and maps not at all"))], IsList: false);
    }

    private static DataField? Leaf(Field field) => field switch
    {
        ListField { Item: DataField { IsArray: false } item } => item,
        DataField { IsArray: true } array => array,
        _ => null,
    };

    private static DataField RequireNumbers(string name, DataField field) => ParquetNumbers.IsSupported(field.ClrType)
        ? field
        : throw new RowFileException(name, $"column '{field.Path}': it holds neither float nor double nor whole numbers");
}
