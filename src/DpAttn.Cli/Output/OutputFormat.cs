using System.CommandLine;

namespace DpAttn.Cli.Output;

/// <summary>--output.</summary>
internal enum OutputFormat
{
    Table,
    Json,
}

internal static class OutputOption
{
    public static Option<OutputFormat> Create() => new("--output")
    {
        Description = "table or json",
        DefaultValueFactory = _ => OutputFormat.Table,
    };
}
