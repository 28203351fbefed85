namespace DpAttn.Cli.Output;

/// <summary>--output.</summary>
internal enum OutputFormat
{
    Table,
    Json,
}
