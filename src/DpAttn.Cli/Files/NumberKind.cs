namespace DpAttn.Cli.Files;

/// <summary>How a number is stored.</summary>
internal enum NumberKind
{
    Float32,
    Float64,
    Float16,
    BFloat16,
}
