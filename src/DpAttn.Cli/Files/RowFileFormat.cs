namespace DpAttn.Cli.Files;

/// <summary>The formats that rows are read from.</summary>
internal enum RowFileFormat
{
    NpyPair,
    Npz,
    Csv,
    Parquet,
    Safetensors,
}
