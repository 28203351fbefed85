using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cli.Tests.Files;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

public sealed class AttendVerbTests : IDisposable
{
    private readonly Scratch _files = new();
    private readonly List<(float[] Queries, int Count, AttendOptions Options)> _asked = [];

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Answers_are_shown_with_error_bars_and_their_price()
    {
        var verb = Asking().Done("attend", "packages", Queries(3));
        Assert.Contains("release r1, tier 1: epsilon 1 at delta", verb.Output);
        Assert.Contains("2 +- 0.5", verb.Output);
        Assert.Contains("2 +- ?", verb.Output);
        Assert.Contains("charged", verb.Output);
        Assert.Equal([0, 0, 1, -1, 2, -2], Assert.Single(_asked).Queries);
    }

    [Fact]
    public void Nothing_is_opened_unless_a_flag_says_so()
    {
        Asking().Done("attend", "packages", Queries(1));
        Assert.Equal(new AttendOptions(), _asked[0].Options);
        Asking().Done("attend", "packages", Queries(1), "--release", "r1", "--tier", "2", "--max-epsilon", "0.5", "--clip");
        Assert.Equal(new AttendOptions { Release = "r1", Tier = 2, MaxEpsilon = 0.5, Clip = true }, _asked[1].Options);
    }

    [Fact]
    public void A_range_of_blocks_is_asked_in_every_part_and_what_it_covers_is_shown()
    {
        var verb = Asking().Done("attend", "packages", Queries(600), "--rows", "3:7");
        Assert.All(_asked, part => Assert.Equal(new BlockRange(3, 7), part.Options.Rows));
        Assert.Equal(2, _asked.Count);
        Assert.Contains("4,096 slots, blocks 3 to 6", verb.Output);
        var json = Asking().Done("attend", "packages", Queries(600), "--rows", "3:7", "--output", "json").Json;
        Assert.Equal((4096, 3, 7), (json.GetProperty("slotsCovered").GetInt64(), json.GetProperty("blocks").GetProperty("from").GetInt64(), json.GetProperty("blocks").GetProperty("to").GetInt64()));
    }

    [Theory]
    [InlineData("3")]
    [InlineData("3:3")]
    [InlineData("7:3")]
    [InlineData("-1:3")]
    [InlineData("1:2:3")]
    [InlineData("a:b")]
    public void A_range_that_is_none_is_refused_before_anything_is_asked(string rows)
    {
        Assert.Contains("--rows takes two blocks FROM:TO, counted from 0, TO after FROM", Asking().Fails(2, "attend", "packages", Queries(1), $"--rows={rows}"));
        Assert.Empty(_asked);
    }

    // A maximum stated for every request could open one tier after the other.
    [Fact]
    public void A_long_file_is_asked_in_parts_of_which_only_the_first_can_open_anything()
    {
        var json = Asking().Done("attend", "packages", Queries(1100), "--max-epsilon", "0.5", "--clip", "--output", "json").Json;
        Assert.Equal([512, 512, 76], _asked.Select(part => part.Count));
        Assert.Equal(0.5, _asked[0].Options.MaxEpsilon);
        Assert.All(_asked.Skip(1), part => Assert.Equal(new AttendOptions { Release = "r1", Tier = 1, Clip = true }, part.Options));
        Assert.Equal(1100, json.GetProperty("outputs").GetArrayLength());
        Assert.Equal(1099, json.GetProperty("outputs")[1099][0].GetDouble());
        Assert.Equal(1100, json.GetProperty("indistinguishableFromMean").GetArrayLength());
        Assert.Equal(0.5, json.GetProperty("privacy").GetProperty("charged").GetDouble());
        Assert.Equal(0.25, json.GetProperty("privacy").GetProperty("remaining").GetDouble());
    }

    [Fact]
    public void JSON_has_null_where_no_deviation_is_known()
    {
        var json = Asking().Done("attend", "packages", Queries(1), "--output", "json").Json;
        Assert.Equal(System.Text.Json.JsonValueKind.Null, json.GetProperty("noiseDeviations")[0][1].ValueKind);
    }

    [Fact]
    public void Outputs_are_written_as_npy()
    {
        var verb = Asking().Done("attend", "packages", Queries(3), "--to", _files["out.npy"]);
        var outputs = Npy.ReadMatrix(_files["out.npy"]).Double!;
        Assert.Equal((3, 2), (outputs.Rows, outputs.Columns));
        Assert.Equal([0, 0, 1, 1, 2, 2], outputs.Data);
        Assert.Contains("written to", verb.Output);
        Assert.DoesNotContain(_files.Names, name => name.EndsWith(".partial", StringComparison.Ordinal));
    }

    [Fact]
    public void An_archive_gets_the_error_bars_too()
    {
        Asking().Done("attend", "packages", Queries(2), "--to", _files["out.npz"]);
        var arrays = Npz.Read(_files["out.npz"]);
        Assert.Equal(["interval_high", "interval_low", "noise_deviations", "outputs"], arrays.Keys.Order());
        Assert.Equal([0.5, double.NaN, 0.5, double.NaN], arrays["noise_deviations"].Double!.Data);
        Assert.Equal([-1, -1, -1, -1], arrays["interval_low"].Double!.Data);
    }

    [Fact]
    public void Large_answers_are_not_printed_into_the_terminal()
    {
        Assert.DoesNotContain("Answers, with", Asking().Done("attend", "packages", Queries(21)).Output);
        Assert.Contains("Answers, with", Asking().Done("attend", "packages", Queries(20)).Output);
    }

    [Fact]
    public void A_refusal_by_the_budget_ends_with_3_and_writes_nothing()
    {
        var refusal = Samples.Problem(403, ProblemCodes.BudgetExhausted, "the limit does not admit tier 1");
        var verb = new Verb { Client = new() { Attend = (_, _, _, _) => throw new PrivacyBudgetExceededException(refusal) } };
        verb.Fails(3, "attend", "packages", Queries(1), "--release", "r1", "--tier", "1", "--to", _files["out.npy"]);
        Assert.DoesNotContain("out.npy", _files.Names);
    }

    [Fact]
    public void Queries_that_are_none_are_refused_by_their_place()
    {
        Assert.Contains("queries.npy is 0 x 2: there are no queries", Asking().Fails(1, "attend", "packages", Queries(0)));
        var nan = Queries(3, matrix => matrix[1, 0] = double.NaN);
        Assert.Equal("dpattn: queries.npy, query 1: coordinate 0 is NaN, infinite, or too large for float32", Asking().Fails(1, "attend", "packages", nan));
        var large = Queries(3, matrix => matrix[2, 1] = 1e39);
        Assert.Equal("dpattn: queries.npy, query 2: coordinate 1 is NaN, infinite, or too large for float32", Asking().Fails(1, "attend", "packages", large));
        Assert.Contains("this is not a .npy file", Asking().Fails(1, "attend", "packages", _files.Write("text.npy", "hello world")));
        Assert.Contains("none.npy", Asking().Fails(1, "attend", "packages", _files["none.npy"]));
        Assert.Empty(_asked);
    }

    [Theory]
    [InlineData("--to", "out.txt", "dpattn: --to takes a .npy or .npz file")]
    [InlineData("--tier", "x", "dpattn: --tier takes a whole number, not 'x'")]
    [InlineData("--max-epsilon", "-", "dpattn: --max-epsilon takes finite numbers, not '-'")]
    public void Flags_that_cannot_be_are_usage_faults(string flag, string value, string message)
    {
        Assert.StartsWith(message, Asking().Fails(2, "attend", "packages", Queries(1), flag, value));
        Assert.Empty(_asked);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_a_failure() =>
        Assert.NotEmpty(new Verb { Client = Asking().Client }.Fails(1, "attend", "packages", Queries(1), "--to", _files["no/such/folder/out.npy"]));

    /// <summary>Every request of a per-query store is a charge: a file is asked at once, or not at all.</summary>
    [Fact]
    public void A_per_query_store_is_asked_once_however_long_the_file()
    {
        var verb = Asking(mechanism: "per-query").Done("attend", "packages", Queries(1000), "--tier", "1", "--key", "ask-1");
        Assert.Equal((1000, new AttendOptions { Tier = 1, IdempotencyKey = "ask-1" }), (_asked[0].Count, _asked[0].Options));
        Assert.Single(_asked);
        Assert.Contains("all rows, tier 1: epsilon 1 at delta", verb.Output);
        Assert.Contains("7 more like this one", verb.Output);
        Assert.DoesNotContain("indistinguishable", verb.Output);
    }

    [Fact]
    public void What_an_answer_costs_is_told_without_a_release()
    {
        var problem = Samples.Problem(409, ProblemCodes.NotOpened, "each answer of this store is charged") with { Prices = [new TierPrice(0, 0.25, 1e-6), new TierPrice(1, 1, 1e-6)] };
        var verb = new Verb { Client = new() { Attend = (_, _, _, _) => throw new DpAttentionException(problem.Detail, problem) } };
        Assert.Equal(
            "dpattn: each answer of this store is charged; prices: tier 0 for epsilon 0.25, tier 1 for epsilon 1; buy an answer with --tier, or with --max-epsilon",
            verb.Fails(1, "attend", "packages", Queries(1)));
    }

    [Fact]
    public void An_unknown_outcome_names_the_key_that_finds_it_out()
    {
        var problem = Samples.Problem(503, ProblemCodes.ChargeUnknown, "whether it was charged is unknown");
        var verb = new Verb { Client = new() { Attend = (_, _, _, _) => throw new DpAttentionException(problem.Detail, problem) { IdempotencyKey = "ask-7" } } };
        Assert.Contains("--key ask-7 asks the same again without another charge", verb.Fails(1, "attend", "packages", Queries(1), "--tier", "1"));
    }

    private Verb Asking(string mechanism = "moment-tree") => new()
    {
        Client = new()
        {
            GetStore = _ => Samples.Store with { Definition = Samples.Store.Definition with { Mechanism = new MechanismDefinition(mechanism) } },
            Attend = (store, queries, count, options) =>
            {
                Assert.Equal("packages", store);
                _asked.Add((queries, count, options));
                return new AttendResponse
                {
                    Outputs = [.. Enumerable.Range(0, count).Select(i => new double[] { queries[2 * i], queries[2 * i] })],
                    NoiseDeviations = [.. Enumerable.Range(0, count).Select(i => new double?[] { 0.5, null })],
                    IntervalLow = [.. Enumerable.Range(0, count).Select(i => new double[] { -1, -1 })],
                    IntervalHigh = [.. Enumerable.Range(0, count).Select(i => new double[] { 1, 1 })],
                    KernelErrorBound = 0.125,
                    SlotsCovered = options.Rows is { } rows ? 1024 * (rows.To - rows.From) : null,
                    Blocks = options.Rows,
                    IndistinguishableFromMean = mechanism == "per-query" ? null : [.. Enumerable.Repeat(true, count)],
                    Privacy = mechanism == "per-query"
                        ? new PrivacyRecord(1, 1, 1e-6, 1, 0.75, 0.25, false, AboutMore: 7)
                        : new PrivacyRecord(1, 1, 1e-6, options.MaxEpsilon ?? 0, 0.75, 0.25, false, "r1"),
                };
            },
        },
    };

    private string Queries(int count, Action<Matrix<double>>? change = null)
    {
        var matrix = new Matrix<double>(count, 2);
        for (var i = 0; i < count; i++)
            (matrix[i, 0], matrix[i, 1]) = (i, -i);
        change?.Invoke(matrix);
        Npy.Write(_files["queries.npy"], new FloatMatrix(matrix));
        return _files["queries.npy"];
    }
}
