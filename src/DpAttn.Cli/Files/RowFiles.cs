namespace DpAttn.Cli.Files;

/// <summary>Opens files of rows.</summary>
internal static class RowFiles
{
    /// <summary>The format that a file's extension names.</summary>
    /// <exception cref="ArgumentException">None that is read.</exception>
    public static RowFileFormat FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".npz" => RowFileFormat.Npz,
        ".csv" or ".tsv" => RowFileFormat.Csv,
        ".parquet" => RowFileFormat.Parquet,
        ".safetensors" => RowFileFormat.Safetensors,
        ".npy" => throw new ArgumentException($"{Path.GetFileName(path)}: a .npy file holds one array; state --keys K.npy and --values V.npy"),
        _ => throw new ArgumentException($"{Path.GetFileName(path)}: the extension must be .npz, .csv, .tsv, .parquet or .safetensors, or state --keys K.npy and --values V.npy"),
    };

    /// <summary>Opens a file at its first row.</summary>
    /// <exception cref="RowFileException">It is not what it should be.</exception>
    /// <exception cref="ArgumentException">The columns that were stated are none, or a range of them ends before it begins, as this file has them.</exception>
    /// <exception cref="Attention.IO.NpyFormatException">A .npy header is not what it should be.</exception>
    public static async Task<RowFile> OpenAsync(RowFileSource source, RowFileLimits limits, CancellationToken cancellationToken) => source.Format switch
    {
        RowFileFormat.NpyPair => MatrixPairFile.Open(
            $"{Path.GetFileName(source.Path)} and {Path.GetFileName(source.ValuesPath)}",
            () => NpyMatrix.Open(source.Path, limits), () => NpyMatrix.Open(source.ValuesPath!, limits), limits),
        RowFileFormat.Npz => MatrixPairFile.Open(
            Path.GetFileName(source.Path),
            () => NpzMember.Open(source.Path, source.KeysName, limits), () => NpzMember.Open(source.Path, source.ValuesName, limits), limits),
        RowFileFormat.Safetensors => MatrixPairFile.Open(
            Path.GetFileName(source.Path),
            () => SafetensorsMatrix.Open(source.Path, source.KeysName, limits), () => SafetensorsMatrix.Open(source.Path, source.ValuesName, limits), limits),
        RowFileFormat.Csv => CsvRowFile.Open(source, limits),
        _ => await ParquetRowFile.OpenAsync(source, limits, cancellationToken).ConfigureAwait(false),
    };

    public static FileStream OpenRead(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
}
