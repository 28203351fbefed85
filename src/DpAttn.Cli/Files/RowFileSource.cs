namespace DpAttn.Cli.Files;

/// <summary>Which files, and where in them the keys and values are.</summary>
internal sealed record RowFileSource
{
    /// <summary>The format.</summary>
    public required RowFileFormat Format { get; init; }

    /// <summary>The file; for a .npy pair that of the keys.</summary>
    public required string Path { get; init; }

    /// <summary>For a .npy pair the file of the values.</summary>
    public string? ValuesPath { get; init; }

    /// <summary>The member or tensor of the keys.</summary>
    public string KeysName { get; init; } = "keys";

    /// <summary>The member or tensor of the values.</summary>
    public string ValuesName { get; init; } = "values";

    /// <summary>The columns of the keys, or null.</summary>
    public ColumnSelector? KeyColumns { get; init; }

    /// <summary>The columns of the values, or null.</summary>
    public ColumnSelector? ValueColumns { get; init; }

    /// <summary>Whether the first line of a .csv file holds names.</summary>
    public bool HasHeader { get; init; } = true;

    public ColumnSelector RequireKeyColumns() => KeyColumns ?? throw Missing("--key-columns", "keys");

    public ColumnSelector RequireValueColumns() => ValueColumns ?? throw Missing("--value-columns", "values");

    private ArgumentException Missing(string option, string what) =>
        new($"state {option}: which columns of {System.IO.Path.GetFileName(Path)} hold the {what}, such as 0-63, a,b or k*");
}
