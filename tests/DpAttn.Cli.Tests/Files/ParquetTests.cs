using CsCheck;
using DpAttn.Cli.Files;
using Parquet;
using Parquet.Schema;

namespace DpAttn.Cli.Tests.Files;

public sealed class ParquetTests : IDisposable
{
    private readonly Scratch _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    public async Task Lists_written_by_Arrow_are_read_across_row_groups(int block)
    {
        var rows = await ReadRows.AllAsync(ReadRows.Of(Arrow("arrow-lists.parquet")), block);
        Assert.Equal([.. Enumerable.Range(0, 5).Select(i => new[] { i, i + 0.5f, -i, 10 * i, 0.25f })], rows);
    }

    [Fact]
    public async Task Columns_of_numbers_written_by_Arrow_are_read_in_the_order_stated()
    {
        var source = ReadRows.Of(Arrow("arrow-lists.parquet")) with
        {
            KeyColumns = new ColumnSelector("--key-columns", "k1,k0"),
            ValueColumns = new ColumnSelector("--value-columns", "v0"),
        };
        Assert.Equal([.. Enumerable.Range(0, 5).Select(i => new[] { i / 4f, i, i * i })], await ReadRows.AllAsync(source));
    }

    [Fact]
    public async Task A_column_of_lists_can_be_named_either_way()
    {
        var path = Arrow("arrow-lists.parquet");
        var named = ReadRows.Of(path) with { KeysName = "values", ValuesName = "keys" };
        var chosen = ReadRows.Of(path) with { KeyColumns = new ColumnSelector("--key-columns", "values"), ValueColumns = new ColumnSelector("--value-columns", "0") };
        Assert.Equal(await ReadRows.AllAsync(named), await ReadRows.AllAsync(chosen));
    }

    [Theory]
    [InlineData("arrow-null-element.parquet", "arrow-null-element.parquet: row 1, column 'keys/list/item': a null, or an empty list, where a number is needed")]
    [InlineData("arrow-empty-list.parquet", "arrow-empty-list.parquet: row 1, column 'keys/list/item': a null, or an empty list, where a number is needed")]
    [InlineData("arrow-uneven.parquet", "arrow-uneven.parquet: row 1, column 'keys/list/item': a list of 1 numbers among lists of another length")]
    public async Task Nulls_empty_and_uneven_lists_are_named_by_row(string file, string message) =>
        Assert.Equal(message, await ReadRows.FaultAsync(ReadRows.Of(Arrow(file))));

    [Theory]
    [InlineData("note", "v0", "arrow-lists.parquet: column 'note': it holds neither float nor double nor whole numbers")]
    [InlineData("keys,k0", "v0", "arrow-lists.parquet: column 'keys': a list can only stand alone, and structures and maps not at all")]
    [InlineData("none", "v0", "arrow-lists.parquet: --key-columns: there is no column 'none' among the 6")]
    [InlineData("k0", "17", "arrow-lists.parquet: --value-columns: '17' lies outside the file's columns, 0 to 5")]
    public async Task A_wrong_choice_of_columns_is_explained(string keys, string values, string message)
    {
        var source = ReadRows.Of(Arrow("arrow-lists.parquet")) with
        {
            KeyColumns = new ColumnSelector("--key-columns", keys),
            ValueColumns = new ColumnSelector("--value-columns", values),
        };
        Assert.Equal(message, await ReadRows.FaultAsync(source));
    }

    [Fact]
    public async Task A_column_that_is_missing_is_named() =>
        Assert.Equal("arrow-lists.parquet: --key-columns: there is no column 'embedding' among the 6", await ReadRows.FaultAsync(ReadRows.Of(Arrow("arrow-lists.parquet")) with { KeysName = "embedding" }));

    [Fact]
    public async Task A_row_group_beyond_the_cap_is_refused_before_it_is_read()
    {
        var lists = ReadRows.Of(Arrow("arrow-lists.parquet"));
        Assert.Contains("row group 0 holds 9 numbers in column 'keys/list/item'; at most 8 numbers are read at once", await ReadRows.FaultAsync(lists, new RowFileLimits { RowGroupNumbers = 8 }));
        var columns = lists with { KeyColumns = new ColumnSelector("--key-columns", "k0,k1"), ValueColumns = new ColumnSelector("--value-columns", "v0") };
        Assert.Contains("row group 0 holds 3 rows of 2 columns; at most 5 numbers", await ReadRows.FaultAsync(columns, new RowFileLimits { RowGroupNumbers = 5 }));
        Assert.Contains("row group 0 announces 3 rows; 0 to 2 are allowed", await ReadRows.FaultAsync(columns, new RowFileLimits { RowGroupNumbers = 2 }));
        Assert.Contains("keys have 3 columns; 1 to 2 are allowed", await ReadRows.FaultAsync(lists, new RowFileLimits { Dimension = 2 }));
        Assert.Contains("there are 6 columns; at most 5 are allowed", await ReadRows.FaultAsync(lists, new RowFileLimits { Columns = 5 }));
    }

    [Fact]
    public async Task Widths_that_change_between_row_groups_are_refused()
    {
        var path = await WriteListsAsync(([1, 2, 3, 4], 2), ([5, 6, 7], 3));
        Assert.Equal("rows.parquet: row 2 has a key of 3 and a value of 1 numbers; the rows before it have 2 and 1", await ReadRows.FaultAsync(ReadRows.Of(path)));
    }

    [Fact]
    public async Task A_file_without_rows_is_refused() =>
        Assert.Equal("rows.parquet: there are no rows", await ReadRows.FaultAsync(ReadRows.Of(await WriteListsAsync())));

    [Fact]
    public void What_was_written_is_read_for_all_shapes() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 6], Gen.Int[1, 5], Gen.Int[1, 50]).Sample((rows, d, groups, block) =>
        {
            var parts = Enumerable.Range(0, groups).Select(g => (Enumerable.Range(0, rows * d).Select(i => g + i * 0.5f).ToArray(), d)).ToArray();
            var path = WriteListsAsync(parts).GetAwaiter().GetResult();
            var read = ReadRows.AllAsync(ReadRows.Of(path), block).GetAwaiter().GetResult();
            return read.Length == rows * groups && read.SelectMany(row => row[..d]).SequenceEqual(parts.SelectMany(part => part.Item1));
        }, iter: 40, threads: 1);

    // A damaged file may still be a file: other numbers can come out. What must not happen is a failure that is not ours, or an endless read.
    [Fact]
    public async Task A_file_that_is_cut_or_damaged_anywhere_fails_in_our_words_only()
    {
        var whole = File.ReadAllBytes(Arrow("arrow-lists.parquet"));
        for (var cut = 0; cut < whole.Length; cut += 7)
        {
            var path = _files.Write("cut.parquet", whole[..cut]);
            Assert.StartsWith("cut.parquet: ", await ReadRows.FaultAsync(ReadRows.Of(path)));
        }
        foreach (var mask in new byte[] { 0xff, 0x01 })
        {
            for (var at = 0; at < whole.Length; at += 3)
            {
                var damaged = whole.ToArray();
                damaged[at] ^= mask;
                try
                {
                    await ReadRows.AllAsync(ReadRows.Of(_files.Write("bad.parquet", damaged)));
                }
                catch (Exception e)
                {
                    Assert.True(e is RowFileException, $"byte {at}: {e}");
                    Assert.StartsWith("bad.parquet: ", e.Message);
                }
            }
        }
    }

    // The library does not come back from this footer: its last byte no longer ends the structure.
    [Fact]
    public async Task A_footer_without_an_end_is_refused()
    {
        var damaged = File.ReadAllBytes(Arrow("arrow-lists.parquet"));
        damaged[^9] ^= 1;
        Assert.Equal("bad.parquet: the footer is damaged", await ReadRows.FaultAsync(ReadRows.Of(_files.Write("bad.parquet", damaged))));
    }

    [Theory]
    [InlineData(new byte[] { 0x99, 0x19, 0x19, 0x19, 0x19 })] // lists in lists
    [InlineData(new byte[] { 0x1c, 0x1c, 0x1c, 0x1c, 0x1c })] // structures in structures
    [InlineData(new byte[] { 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f })] // a list that announces 4 thousand million structures
    [InlineData(new byte[] { 0x18, 0xff, 0xff, 0xff, 0xff, 0x0f })] // a text of that length
    [InlineData(new byte[] { 0x15, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 })] // a number of more than 64 bits
    [InlineData(new byte[] { 0x1e, 0 })] // no such type
    [InlineData(new byte[] { 0, 0 })] // something behind the end
    public async Task Footers_made_to_exhaust_are_refused_at_once(byte[] footer)
    {
        byte[] deep = [.. Enumerable.Repeat(footer, footer.Length == 5 ? 200_000 : 1).SelectMany(b => b)];
        var path = _files.Write("bad.parquet", [.. "PAR1"u8, .. deep, .. BitConverter.GetBytes(deep.Length), .. "PAR1"u8]);
        Assert.Equal("bad.parquet: the footer is damaged", await ReadRows.FaultAsync(ReadRows.Of(path)));
    }

    [Fact]
    public async Task A_frame_that_is_none_is_refused()
    {
        Assert.Equal("bad.parquet: this is not a .parquet file: it has 3 bytes", await ReadRows.FaultAsync(ReadRows.Of(_files.Write("bad.parquet", "abc"))));
        Assert.Equal("bad.parquet: this is not a whole .parquet file: it does not begin and end with PAR1", await ReadRows.FaultAsync(ReadRows.Of(_files.Write("bad.parquet", "PAR1 and something else"))));
        Assert.Equal("bad.parquet: its footer is encrypted, which is not supported", await ReadRows.FaultAsync(ReadRows.Of(_files.Write("bad.parquet", "PAREabcdefghPARE"))));
        Assert.Equal("bad.parquet: the footer announces 4294967295 bytes, more than the 0 before it", await ReadRows.FaultAsync(ReadRows.Of(_files.Write("bad.parquet", [.. "PAR1"u8, 255, 255, 255, 255, .. "PAR1"u8]))));
        var lists = ReadRows.Of(Arrow("arrow-lists.parquet"));
        Assert.Contains("bytes; at most 100 are allowed", await ReadRows.FaultAsync(lists, new RowFileLimits { FooterBytes = 100 }));
    }

    private static string Arrow(string name) => Path.Combine(AppContext.BaseDirectory, "Files", "Data", name);

    private async Task<string> WriteListsAsync(params (float[] Keys, int Width)[] groups)
    {
        var keys = new ListField("keys", new DataField<float>("element"));
        var values = new DataField<double>("values");
        var schema = new ParquetSchema(keys, values);
        await using (var stream = File.Create(_files["rows.parquet"]))
        await using (var writer = await ParquetWriter.CreateAsync(schema, stream))
        {
            foreach (var (numbers, width) in groups)
            {
                using var group = writer.CreateRowGroup();
                var definitions = Enumerable.Repeat(keys.Item.MaxDefinitionLevel, numbers.Length).ToArray();
                var repetitions = numbers.Select((_, i) => i % width == 0 ? 0 : 1).ToArray();
                await group.WriteAllPartsAsync<float>((DataField)keys.Item, numbers, (ReadOnlyMemory<int>)definitions, (ReadOnlyMemory<int>)repetitions, CancellationToken.None);
                await group.WriteAsync<double>(values, new double[numbers.Length / width]);
            }
        }
        return _files["rows.parquet"];
    }
}
