using DpAttn.Attention.IO;
using DpAttn.Cli.Files;

namespace DpAttn.Fuzzing.Tests;

/// <summary>Files of rows as the command line reads them, from a file.</summary>
internal static class RowFileTargets
{
    private static readonly RowFileLimits Limits = RowFileLimits.Default with
    {
        HeaderBytes = 1 << 16,
        FooterBytes = 1 << 16,
        RecordCharacters = 1 << 16,
        Columns = 64,
        Dimension = 64,
        Members = 8,
        RowGroupNumbers = 1 << 14,
        WholeArrayBytes = 1 << 20,
    };

    // Buffers of the reader, a block of about a megabyte, and the caps above.
    private const long Cap = 12 << 20;

    public static IEnumerable<FuzzTarget> All =>
    [
        File("file-npy", RowFileFormat.NpyPair, [Pieces.Npy("<f4", "(4, 3)", Pieces.Singles(12)), Pieces.Npy(">f8", "(4, 3)", new byte[96]), Pieces.Npy("<f8", "(4, 2)", Pieces.Doubles(8), fortran: true)], Pieces.NpyTokens),
        File("file-npz", RowFileFormat.Npz, NumpyTargets.Archives[..2], Pieces.NpyTokens) with { BytesPerByte = 64 },
        File("file-safetensors", RowFileFormat.Safetensors, Tensors, [.. Pieces.JsonTokens, "\"dtype\"", "\"F32\"", "\"BF16\"", "\"shape\"", "\"data_offsets\"", "\"keys\"", "\"values\"", "\"__metadata__\""]),
        File("file-csv", RowFileFormat.Csv, Tables, ["\"", "\"\"", ",", ";", "\t", "\n", "\r\n", "\r", "#", "k0", "NaN", "1e999", "\ufeff", "\0", "'"]),
        File("file-parquet", RowFileFormat.Parquet, Arrow, ["PAR1", "PARE", "keys", "values", "list", "element"]) with { IsThreaded = true, Weight = 0.1, BytesAtMost = 64 << 20, BytesPerByte = 256 },
    ];

    private static byte[][] Tensors { get; } =
    [
        Pieces.Safetensors("""{"keys":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]},"values":{"dtype":"F64","shape":[4,2],"data_offsets":[48,112]}}""", [.. Pieces.Singles(12), .. Pieces.Doubles(8)]),
        Pieces.Safetensors("""{"__metadata__":{"format":"pt"},"keys":{"dtype":"F16","shape":[4,3],"data_offsets":[0,24]},"values":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}""", new byte[32]),
    ];

    private static byte[][] Tables { get; } =
    [
        Pieces.Utf8("k0,k1,k2,v0,v1\n0.5,1,-1,0.25,1e-3\n1,2,3,4,5\n\n-1,-2,-3,-4,-5\n"),
        Pieces.Utf8("\"k0\";\"k1\";\"k2\";\"v0\";\"v1\"\r\n\"0.5\";1;-1;\"1\";2\r\n"),
        Pieces.Utf8("k0\tk1\tk2\tv0\tv1\n1\t2\t3\t4\t5"),
    ];

    private static byte[][] Arrow { get; } = [System.IO.File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Data", "arrow-lists.parquet"))];

    private static FuzzTarget File(string name, RowFileFormat format, byte[][] seeds, IReadOnlyList<string> tokens)
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-fuzz-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        var path = Path.Combine(directory, $"rows.{name}");
        var values = Path.Combine(directory, "values.npy");
        System.IO.File.WriteAllBytes(values, Pieces.Values);
        var isTable = format == RowFileFormat.Csv;
        var source = new RowFileSource
        {
            Format = format,
            Path = path,
            ValuesPath = values,
            KeyColumns = isTable ? new ColumnSelector("--key-columns", "k*") : null,
            ValueColumns = isTable ? new ColumnSelector("--value-columns", "v0..v1") : null,
        };
        return new FuzzTarget
        {
            Name = name,
            Seeds = seeds,
            Tokens = tokens,
            Refusals = [typeof(RowFileException), typeof(NpyFormatException), typeof(ArgumentException)],
            // Of columns that were stated, and named by their option: a file may have them in another order.
            IsRefusal = exception => exception is not ArgumentException || (isTable && exception.Message.StartsWith("--", StringComparison.Ordinal)),
            BytesAtMost = Cap,
            Weight = 0.5,
            Read = bytes =>
            {
                System.IO.File.WriteAllBytes(path, bytes);
                return ReadAll(source) >= 0;
            },
        };
    }

    private static long ReadAll(RowFileSource source)
    {
        using var file = RowFiles.OpenAsync(source, Limits, CancellationToken.None).GetAwaiter().GetResult();
        var block = RowBlock.For(file);
        for (var rows = 0L; ; rows += block.Count)
        {
            file.ReadAsync(block, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            if (block.Count == 0)
                return rows;
        }
    }
}
