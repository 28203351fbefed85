using System.Globalization;
using CsCheck;
using DpAttn.Cli.Files;

namespace DpAttn.Cli.Tests.Files;

public sealed class CsvTests : IDisposable
{
    private readonly Scratch _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("k0,k1", "v")]
    [InlineData("0,1", "2")]
    [InlineData("0-1", "2-2")]
    [InlineData("k0..k1", "v..v")]
    [InlineData("k*", "v*")]
    [InlineData(" k0 , k1 ", " v ")]
    public async Task Columns_are_chosen_by_name_number_range_or_beginning(string keys, string values)
    {
        var path = _files.Write("rows.csv", "k0,k1,v,note\n1,2.5,-3,\"a, b\"\n4e0,+5,6E-1,c\n");
        Assert.Equal([[1, 2.5f, -3], [4, 5, 0.6f]], await ReadRows.AllAsync(ReadRows.Csv(path, keys, values)));
    }

    [Theory]
    [InlineData("rows.csv", "k;v\n1.5;2\n")]
    [InlineData("rows.tsv", "k\tv\n1.5\t2\n")]
    [InlineData("rows.csv", "k,v\r\n1.5,2\r\n")]
    [InlineData("rows.csv", "\uFEFFk,v\n1.5,2")]
    [InlineData("rows.csv", "k,v\n\n1.5,2\n\n\n")]
    [InlineData("rows.csv", "k,v\n 1.5 , 2 \n")]
    [InlineData("rows.csv", "\"k\",\"v\"\n\"1.5\",\"2\"\n")]
    public async Task Common_dialects_are_read(string name, string text) =>
        Assert.Equal([[1.5f, 2]], await ReadRows.AllAsync(ReadRows.Csv(_files.Write(name, text), "k", "v")));

    [Fact]
    public async Task Without_a_header_columns_are_numbers() =>
        Assert.Equal([[2, 1], [4, 3]], await ReadRows.AllAsync(ReadRows.Csv(_files.Write("rows.csv", "1,2\n3,4\n"), "1", "0", header: false)));

    [Fact]
    public async Task A_line_that_begins_with_a_hash_is_not_passed_over() =>
        Assert.Equal("rows.csv: line 2, column 'k': this is not a number (digits, a decimal point, an exponent)",
            await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", "k,v\n#1,2\n3,4\n"), "k", "v")));

    [Fact]
    public void Numbers_are_the_nearest_float32_in_every_culture()
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        CultureInfo.CurrentCulture.NumberFormat.NumberDecimalSeparator = ",";
        try
        {
            Gen.Float.Where(float.IsFinite).Array[1, 20].Sample(numbers =>
            {
                var text = "k,v\n" + string.Join('\n', numbers.Select(x => x.ToString("R", CultureInfo.InvariantCulture) + ",0"));
                var rows = ReadRows.AllAsync(ReadRows.Csv(_files.Write("rows.csv", text), "k", "v")).GetAwaiter().GetResult();
                return rows.Select(row => row[0]).SequenceEqual(numbers);
            }, iter: 100, threads: 1);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("k,v\n1,2\n3,secret\n", "rows.csv: line 3, column 'v': this is not a number (digits, a decimal point, an exponent)")]
    [InlineData("k,v\n1,2\n3,\n", "rows.csv: line 3, column 'v': there is no number")]
    [InlineData("k,v\n1,2\n3\n", "rows.csv: line 3, there are 1 fields where the first line has 2")]
    [InlineData("k,v\n1,2\n3,4,5\n", "rows.csv: line 3, there are 3 fields where the first line has 2")]
    [InlineData("k,v\n1,nan\n", "rows.csv: line 2, column 'v': NaN, infinite, or too large for float32")]
    [InlineData("k,v\n1,1e39\n", "rows.csv: line 2, column 'v': NaN, infinite, or too large for float32")]
    [InlineData("k,v\n1,\"2\n", "rows.csv: line 2: a quotation mark opens or closes where it should not")]
    [InlineData("k,v\n1,\"2\"3\n", "rows.csv: line 2: a quotation mark opens or closes where it should not")]
    [InlineData("k,v\n", "rows.csv: there are no rows")]
    [InlineData("", "rows.csv: the file is empty")]
    [InlineData("\n\n", "rows.csv: the file is empty")]
    [InlineData("a,v\n1,2\n", "rows.csv: --key-columns: there is no column 'k' among the 2")]
    [InlineData("k,v,k\n1,2,3\n", "rows.csv: --key-columns: columns 0 and 2 are both called 'k'; state their numbers")]
    public async Task A_fault_is_named_by_line_and_column_and_never_by_its_content(string text, string message)
    {
        var fault = await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", text), "k", "v"));
        Assert.Equal(message, fault);
        Assert.DoesNotContain("secret", fault);
    }

    [Fact]
    public async Task Lines_are_counted_through_fields_of_several_lines_and_empty_ones() =>
        Assert.Equal("rows.csv: line 8, column 'k': this is not a number (digits, a decimal point, an exponent)",
            await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", "\"k\",v,\"no\nte\"\n1,2,\"a\nb\nc\"\n\n\nx,2,d\n"), "k", "v")));

    [Fact]
    public async Task A_record_beyond_the_cap_is_refused_wherever_it_stands()
    {
        var limits = new RowFileLimits { RecordCharacters = 1024 };
        var longLine = new string('1', 3000);
        Assert.Equal("rows.csv: line 1 begins a record of more than 1024 characters", await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", longLine + ",2\n"), "0", "1"), limits));
        Assert.Equal("rows.csv: line 3 begins a record of more than 1024 characters", await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", "k,v\n1,2\n" + longLine + ",2\n"), "k", "v"), limits));
    }

    [Fact]
    public async Task Too_many_columns_are_refused() =>
        Assert.Equal("rows.csv: there are 3 columns; at most 2 are allowed", await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", "a,b,c\n1,2,3\n"), "a", "b"), new RowFileLimits { Columns = 2 }));

    [Fact]
    public async Task Columns_must_be_stated()
    {
        var source = new RowFileSource { Format = RowFileFormat.Csv, Path = _files.Write("rows.csv", "k,v\n1,2\n") };
        Assert.StartsWith("state --key-columns: which columns of rows.csv hold the keys", await ReadRows.FaultAsync(source));
        Assert.StartsWith("state --value-columns", await ReadRows.FaultAsync(source with { KeyColumns = new ColumnSelector("--key-columns", "k") }));
    }

    [Theory]
    [InlineData("4", "rows.csv: --key-columns: '4' lies outside the file's columns, 0 to 2")]
    [InlineData("0-9", "rows.csv: --key-columns: '0-9' lies outside the file's columns, 0 to 2")]
    [InlineData("2-1", "--key-columns: the range '2-1' ends before it begins")]
    [InlineData("v..k", "--key-columns: the range 'v..k' ends before it begins")]
    [InlineData("k,k", "rows.csv: --key-columns names column 0 twice")]
    [InlineData("k,0-1", "rows.csv: --key-columns names column 0 twice")]
    [InlineData("x*", "rows.csv: --key-columns: there is no column 'x*' among the 3")]
    [InlineData("k,", "--key-columns has an empty name between commas")]
    public async Task A_wrong_choice_of_columns_is_explained(string keys, string message) =>
        Assert.StartsWith(message, await ReadRows.FaultAsync(ReadRows.Csv(_files.Write("rows.csv", "k,l,v\n1,2,3\n"), keys, "v")));

    [Fact]
    public async Task A_name_goes_before_a_number() =>
        Assert.Equal([[1, 2]], await ReadRows.AllAsync(ReadRows.Csv(_files.Write("rows.csv", "1,0-1\n1,2\n"), "1", "0-1")));

    [Fact]
    public async Task A_long_file_is_read_in_a_small_memory()
    {
        using (var writer = new StreamWriter(_files["rows.csv"]))
        {
            writer.WriteLine("k,v");
            for (var i = 0; i < 300_000; i++)
                writer.WriteLine("0.123456,0.5");
        }
        using var file = await RowFiles.OpenAsync(ReadRows.Csv(_files["rows.csv"], "k", "v"), RowFileLimits.Default, CancellationToken.None);
        var block = RowBlock.For(file);
        await file.ReadAsync(block, CancellationToken.None);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var rows = block.Count;
        for (; block.Count > 0; rows += block.Count)
            await file.ReadAsync(block, CancellationToken.None);
        Assert.Equal(300_000, rows);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }
}
