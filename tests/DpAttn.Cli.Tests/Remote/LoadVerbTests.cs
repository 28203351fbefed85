using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cli.Tests.Files;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

public sealed class LoadVerbTests : IDisposable
{
    private readonly Scratch _files = new();
    private readonly Dictionary<string, List<float[]>> _batches = [];

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_pair_is_loaded_and_told_of()
    {
        var (keys, values) = WritePair(10);
        var verb = Loading().Done("load", "packages", "--keys", keys, "--values", values);
        Assert.Equal(Expected(10), Rows());
        Assert.Contains("10, all durable", verb.Output);
        Assert.Contains("10 before, 20 now", verb.Output);
        Assert.Equal("", verb.Error);
    }

    [Fact]
    public void JSON_tells_the_prefix_and_the_counts()
    {
        var (keys, values) = WritePair(5);
        var json = Loading().Done("load", "packages", "--keys", keys, "--values", values, "--output", "json").Json;
        Assert.Equal(5, json.GetProperty("rows").GetInt64());
        Assert.Equal(0, json.GetProperty("moved").GetInt64());
        Assert.Equal((10, 15), (json.GetProperty("slotsBefore").GetInt64(), json.GetProperty("slotsAfter").GetInt64()));
        Assert.Matches("^rows-[0-9a-f]{32}$", json.GetProperty("batchPrefix").GetString());
        Assert.All(_batches.Keys, id => Assert.StartsWith(json.GetProperty("batchPrefix").GetString()!, id));
    }

    [Fact]
    public void The_same_rows_in_any_format_are_the_same_batches_and_other_rows_are_not()
    {
        var (keys, values) = WritePair(10);
        Loading().Done("load", "packages", "--keys", keys, "--values", values);
        var first = _batches.Keys.Order().ToArray();

        var csv = _files.Write("rows.csv", "a,b,v\n" + string.Join('\n', Expected(10).Select(row => string.Join(',', row))));
        Loading().Done("load", "packages", csv, "--key-columns", "a,b", "--value-columns", "v");
        Assert.Equal(first, _batches.Keys.Order());

        using (var stream = File.Create(_files["rows.npz"]))
            Npz.Write(stream, [new("k", Npy.ReadMatrix(keys)), new("v", Npy.ReadMatrix(values))]);
        Loading().Done("load", "packages", _files["rows.npz"], "--keys-name", "k", "--values-name", "v");
        Assert.Equal(first, _batches.Keys.Order());

        (keys, values) = WritePair(9);
        Loading().Done("load", "packages", "--keys", keys, "--values", values);
        Assert.True(_batches.Count > first.Length);
    }

    [Fact]
    public void An_interrupted_load_says_what_is_durable_and_the_same_command_goes_on()
    {
        var (keys, values) = WritePair(10);
        var verb = Loading();
        var append = verb.Client.Append!;
        verb.Client.Append = (store, id, rows, token) => _batches.Count == 2 ? throw new DpAttentionException("append to store 'packages': no answer", null) : append(store, id, rows, token);
        var error = verb.Fails(1, "load", "packages", "--keys", keys, "--values", values);
        Assert.Equal(["dpattn: 8 of 10 rows are durable; the same command again goes on from there", "dpattn: append to store 'packages': no answer"], error.Split(Environment.NewLine));

        Loading().Done("load", "packages", "--keys", keys, "--values", values);
        Assert.Equal(Expected(10), Rows());
        Assert.Equal(3, _batches.Count);
    }

    [Fact]
    public void A_prefix_of_ones_own_is_used()
    {
        var (keys, values) = WritePair(5);
        Loading().Done("load", "packages", "--keys", keys, "--values", values, "--batch-prefix", "january");
        Assert.Equal(["january-00000000", "january-00000001"], _batches.Keys.Order());
    }

    // Half a file in a store is worse than none: the last row decides before the first is sent.
    [Fact]
    public void One_bad_row_at_the_end_leaves_nothing_loaded()
    {
        var (keys, values) = WritePair(1000, k => k[999, 1] = 5);
        var error = Loading().Fails(1, "load", "packages", "--keys", keys, "--values", values);
        Assert.Equal("dpattn: keys.npy and values.npy: key of row 999: it lies outside the l2 ball of radius 1 around its centre; --clip moves it to the nearest point inside", error);
        Assert.Empty(_batches);

        var csv = _files.Write("rows.csv", "a,b,v\n" + string.Concat(Enumerable.Repeat("0,0,0\n", 999)) + "0,zero,0\n");
        Assert.Equal(
            "dpattn: rows.csv: line 1001, column 'b': this is not a number (digits, a decimal point, an exponent)",
            Loading().Fails(1, "load", "packages", csv, "--key-columns", "a,b", "--value-columns", "v"));
        Assert.Empty(_batches);
    }

    [Fact]
    public void Clipping_moves_rows_and_says_how_many()
    {
        var (keys, values) = WritePair(4, k => (k[1, 0], k[1, 1]) = (30, 40));
        var json = Loading().Done("load", "packages", "--keys", keys, "--values", values, "--clip", "--output", "json").Json;
        Assert.Equal(1, json.GetProperty("moved").GetInt64());
        var moved = Rows()[1];
        Assert.Equal(0.6, moved[0], 1e-6);
        Assert.Equal(0.8, moved[1], 1e-6);
    }

    [Fact]
    public void More_rows_than_the_store_holds_are_refused_before_any_is_sent()
    {
        var (keys, values) = WritePair(1001);
        Assert.Equal("dpattn: the file has 1001 rows; store 'packages' holds at most 1000. Nothing was loaded", Loading().Fails(1, "load", "packages", "--keys", keys, "--values", values));
        Assert.Empty(_batches);
    }

    [Fact]
    public void Dimensions_that_are_not_the_stores_are_refused()
    {
        Npy.Write(_files["k.npy"], new FloatMatrix(new Matrix<float>(1, 3)));
        Npy.Write(_files["v.npy"], new FloatMatrix(new Matrix<float>(1, 1)));
        Assert.Contains("keys have 3 and values 1 columns; store 'packages' has 2 and 1", Loading().Fails(1, "load", "packages", "--keys", _files["k.npy"], "--values", _files["v.npy"]));
    }

    [Fact]
    public void A_store_that_is_not_there_is_a_failure()
    {
        var (keys, values) = WritePair(1);
        var verb = new Verb { Client = new() { GetStore = _ => throw new DpAttentionException("read store 'packages': no such store", Samples.Problem(404, ProblemCodes.NotFound)) } };
        Assert.Equal("dpattn: read store 'packages': no such store", verb.Fails(1, "load", "packages", "--keys", keys, "--values", values));
    }

    [Theory]
    [InlineData(new[] { "load", "packages" }, "dpattn: state a file, or --keys and --values")]
    [InlineData(new[] { "load", "packages", "--keys", "k.npy" }, "dpattn: state both --keys and --values; --values is missing")]
    [InlineData(new[] { "load", "packages", "--values", "v.npy" }, "dpattn: state both --keys and --values; --keys is missing")]
    [InlineData(new[] { "load", "packages", "rows.npz", "--keys", "k.npy", "--values", "v.npy" }, "dpattn: state a file, or --keys and --values, not both")]
    [InlineData(new[] { "load", "packages", "rows.npy" }, "dpattn: rows.npy: a .npy file holds one array; state --keys K.npy and --values V.npy")]
    [InlineData(new[] { "load", "packages", "rows.xlsx" }, "dpattn: rows.xlsx: the extension must be .npz, .csv, .tsv, .parquet or .safetensors, or state --keys K.npy and --values V.npy")]
    [InlineData(new[] { "load", "packages", "rows.npz", "--no-header" }, "dpattn: --no-header does not go with this kind of file")]
    [InlineData(new[] { "load", "packages", "rows.npz", "--key-columns", "a" }, "dpattn: --key-columns does not go with this kind of file")]
    [InlineData(new[] { "load", "packages", "rows.csv", "--keys-name", "a" }, "dpattn: --keys-name does not go with this kind of file")]
    [InlineData(new[] { "load", "packages", "rows.parquet", "--keys-name", "a", "--key-columns", "a" }, "dpattn: state columns or a name, not both")]
    public void Files_and_flags_that_do_not_go_together_are_usage_faults(string[] args, string message) => Assert.Equal(message, Loading().Fails(2, args));

    [Fact]
    public void A_csv_file_needs_its_columns_named()
    {
        var csv = _files.Write("rows.csv", "a,b,v\n0,0,0\n");
        Assert.Equal("dpattn: state --key-columns: which columns of rows.csv hold the keys, such as 0-63, a,b or k*", Loading().Fails(2, "load", "packages", csv));
    }

    [Fact]
    public void A_missing_file_is_a_failure() =>
        Assert.Contains("none.npz", Loading().Fails(1, "load", "packages", _files["none.npz"]));

    [Fact]
    public void A_prefix_that_is_no_id_is_a_usage_fault()
    {
        var (keys, values) = WritePair(1);
        var (output, error) = (new StringWriter(), new StringWriter());
        using var real = new DpAttentionClient(new DpAttentionOptions { Endpoint = new Uri("https://attention.example.org"), ApiKey = Verb.Key });
        var verb = Loading();
        verb.Client.Append = (store, id, rows, token) => real.AppendAsync(store, id, rows.SelectMany(r => r[..2]).ToArray(), rows.Select(r => r[2]).ToArray(), rows.Count, cancellationToken: token);
        Assert.StartsWith("dpattn: batch has printable ASCII characters without spaces only", verb.Fails(2, "load", "packages", "--keys", keys, "--values", values, "--batch-prefix", "a b"));
    }

    private Verb Loading() => new()
    {
        Client = new()
        {
            GetStore = _ => Samples.Store with { Slots = 10 + _batches.Sum(batch => batch.Value.Count) },
            Append = (store, id, rows, _) =>
            {
                Assert.Equal("packages", store);
                if (_batches.TryGetValue(id, out var before))
                    Assert.Equal(before, rows);
                else
                    _batches.Add(id, rows);
                return Task.CompletedTask;
            },
        },
    };

    private List<float[]> Rows() => [.. _batches.OrderBy(batch => batch.Key, StringComparer.Ordinal).SelectMany(batch => batch.Value)];

    private static List<float[]> Expected(int rows) => [.. Enumerable.Range(0, rows).Select(i => new[] { i / 2048f, -i / 4096f, 0.5f })];

    private (string Keys, string Values) WritePair(int rows, Action<Matrix<float>>? change = null)
    {
        var (keys, values) = (new Matrix<float>(rows, 2), new Matrix<float>(rows, 1));
        foreach (var (i, row) in Expected(rows).Index())
            (keys[i, 0], keys[i, 1], values[i, 0]) = (row[0], row[1], row[2]);
        change?.Invoke(keys);
        Npy.Write(_files["keys.npy"], new FloatMatrix(keys));
        Npy.Write(_files["values.npy"], new FloatMatrix(values));
        return (_files["keys.npy"], _files["values.npy"]);
    }
}
