using DpAttn.Cli.Files;

namespace DpAttn.Cli.Tests.Files;

internal static class ReadRows
{
    /// <summary>All rows of a file, each as its key's numbers and then its value's, read in blocks of a stated size.</summary>
    public static async Task<float[][]> AllAsync(RowFileSource source, int block = 7, RowFileLimits? limits = null)
    {
        using var file = await RowFiles.OpenAsync(source, limits ?? RowFileLimits.Default, CancellationToken.None);
        var rows = new List<float[]>();
        var room = new RowBlock(block, file.KeyDimension, file.ValueDimension);
        while (true)
        {
            await file.ReadAsync(room, CancellationToken.None);
            if (room.Count == 0)
                return [.. rows];
            for (var i = 0; i < room.Count; i++)
                rows.Add([.. room.Key(i).Span, .. room.Value(i).Span]);
        }
    }

    public static async Task<string> FaultAsync(RowFileSource source, RowFileLimits? limits = null)
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => AllAsync(source, limits: limits));
        Assert.True(failure is RowFileException or Attention.IO.NpyFormatException or ArgumentException, failure.ToString());
        return failure.Message;
    }

    public static RowFileSource Npy(string keys, string values) => new() { Format = RowFileFormat.NpyPair, Path = keys, ValuesPath = values };

    public static RowFileSource Csv(string path, string keys, string values, bool header = true) => new()
    {
        Format = RowFileFormat.Csv,
        Path = path,
        KeyColumns = new ColumnSelector("--key-columns", keys),
        ValueColumns = new ColumnSelector("--value-columns", values),
        HasHeader = header,
    };

    public static RowFileSource Of(string path) => new() { Format = RowFiles.FormatOf(path), Path = path };
}
