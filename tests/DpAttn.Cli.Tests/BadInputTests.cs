using System.Text;

namespace DpAttn.Cli.Tests;

/// <summary>Every bad input is refused with what, where and the bound, prints nothing on standard output, and leaves no file behind.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Float = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";

    private static readonly string[] Bounds = ["--key-radius", "1", "--value-radius", "1"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void What_is_not_finite_is_refused_even_with_clip(float bad)
    {
        string[][] bounds = [[], ["--clip"]];
        foreach (var clip in bounds)
        {
            Demo([[0, 0], [0, 0], [0, bad]], [[0], [0], [0]], [[0, 0]], clip).IsRefused(ExitCode.Failed, "key of row 2", "coordinate 1 is NaN or infinite");
            Demo([[0, 0], [0, 0]], [[0], [bad]], [[0, 0]], clip).IsRefused(ExitCode.Failed, "value of row 1", "coordinate 0 is NaN or infinite");
            Demo([[0, 0], [0, 0]], [[0], [0]], [[0, 0], [bad, 0]], clip).IsRefused(ExitCode.Failed, "query 1", "coordinate 0 is NaN or infinite");
        }
    }

    [Fact]
    public void A_row_or_query_outside_is_named_with_its_bound()
    {
        Demo([[0, 0], [0.8f, 0.7f]], [[0], [0]], [[0, 0]], []).IsRefused(ExitCode.Failed, "key of row 1", "the l2 ball of radius 1");
        Demo([[0, 0], [0, 0]], [[0], [-1.001f]], [[0, 0]], []).IsRefused(ExitCode.Failed, "value of row 1", "the l2 ball of radius 1");
        Demo([[0, 0], [0, 0]], [[0], [0]], [[0, 1.001f]], []).IsRefused(ExitCode.Failed, "query 0", "the l2 ball of radius 1");
        string[] files = ["--keys", _folder.Matrix("k.npy", [0, 0.5f], [0.5f, -0.01f]), "--values", _folder.Matrix("v.npy", [1f], [1f])];
        Dpattn.Run(["demo", .. files, "--key-box", "0,1", "--value-radius", "1"]).IsRefused(ExitCode.Failed, "key of row 1", "coordinate 1 lies outside [0, 1]");
    }

    /// <summary>Of several bad rows the first is named, whatever the threads.</summary>
    [Fact]
    public void The_first_bad_row_is_named()
    {
        var keys = Enumerable.Range(0, 4000).Select(i => new float[] { 0, i is 700 or 3900 ? 2 : 0 }).ToArray();
        var values = Enumerable.Repeat(new float[] { 0 }, 4000).ToArray();
        foreach (var threads in new[] { "1", "2", "3" })
            Demo(keys, values, [[0, 0]], ["--threads", threads]).IsRefused(ExitCode.Failed, "key of row 700:");
    }

    [Fact]
    public void Files_that_do_not_fit_together_are_refused()
    {
        Demo([[0, 0], [0, 0]], [[0]], [[0, 0]], []).IsRefused(ExitCode.Failed, "k.npy has 2 rows and v.npy 1");
        Demo([[0, 0]], [[0]], [[0, 0, 0]], []).IsRefused(ExitCode.Failed, "q.npy has 3 columns, the keys 2");
        Demo([], [], [[0, 0]], []).IsRefused(ExitCode.Failed, "k.npy is 0 x 2", "at least one row");
        Demo([[0, 0]], [[0]], [], []).IsRefused(ExitCode.Failed, "q.npy has no rows");
    }

    [Fact]
    public void Labels_that_do_not_fit_the_queries_and_values_are_refused()
    {
        Printed With(string labels) => Demo([[0, 0]], [[0, 1]], [[0, 0], [0, 0]], ["--labels", labels]);
        Assert.Equal(ExitCode.Done, With(_folder.Labels("l.npy", 0, 1)).ExitCode);
        With(_folder.Labels("l.npy", 0)).IsRefused(ExitCode.Failed, "l.npy has 1 labels for 2 queries");
        With(_folder.Labels("l.npy", 0, 2)).IsRefused(ExitCode.Failed, "l.npy: label number 1 lies outside 0 to 1");
        With(_folder.Labels("l.npy", -1, 0)).IsRefused(ExitCode.Failed, "l.npy: label number 0 lies outside 0 to 1");
        With(_folder.Labels("l.npy", 0, 1L << 40)).IsRefused(ExitCode.Failed, "l.npy: label 1 is not a whole number of 32 bits");
        With(_folder.Matrix("l.npy", [0.5f], [0f])).IsRefused(ExitCode.Failed, "l.npy: label 0 is not a whole number");
        With(_folder.Matrix("l.npy", [0f, 0], [0, 1])).IsRefused(ExitCode.Failed, "l.npy: labels are a vector; this is 2 x 2 float32");
    }

    [Theory]
    [InlineData("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }", "dtype int32 where float32 or float64 is needed")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2), }", "dtype '<f2' is not supported")]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2), }", "dtype '<c8' is not supported")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", "dtype '|O' is not supported")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2), }", "structured dtypes are not supported")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }", "the array has rank 3")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "the array has rank 0")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", "24 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", "more bytes follow")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000), }", "at most 2147483591 elements")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), ", "header, character")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, }", "lacks descr, fortran_order or shape")]
    public void A_file_of_another_kind_is_named_with_its_fault(string header, string fault)
    {
        foreach (var flag in new[] { "--keys", "--values", "--queries" })
        {
            var bad = _folder.Raw("bad.npy", header, new byte[16]);
            var good = _folder.Matrix("good.npy", [0f, 0], [0, 0]);
            string Path(string name) => name == flag ? bad : good;
            Dpattn.Run(["demo", "--keys", Path("--keys"), "--values", Path("--values"), "--queries", Path("--queries"), .. Bounds])
                .IsRefused(ExitCode.Failed, "bad.npy: ", fault);
        }
    }

    [Fact]
    public void A_truncated_or_foreign_file_is_refused()
    {
        var values = _folder.Matrix("v.npy", [0f], [0f]);
        void Refused(string keys, string fault) => Dpattn.Run(["demo", "--keys", keys, "--values", values, .. Bounds]).IsRefused(ExitCode.Failed, fault);
        Refused(_folder.Raw("k.npy", Float, new byte[15]), "k.npy: ");
        Refused(_folder.Raw("k.npy", Float, []), "k.npy: ");
        Refused(_folder.Raw("k.npy", Float, new byte[16], announcedHeaderBytes: 5000), "k.npy: the header announces 5000 bytes, more than the");
        Refused(_folder.Plain("k.npy", []), "k.npy: this is not a .npy file");
        Refused(_folder.Plain("k.npy", Encoding.ASCII.GetBytes("0.1,0.2\n0.3,0.4\n")), "k.npy: this is not a .npy file");
        Refused(_folder.PathOf("absent.npy"), "absent.npy");
        Refused(_folder.PathOf("."), "denied");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("nan")]
    [InlineData("infinity")]
    [InlineData("200.001")]
    public void Epsilon_lies_above_0_and_at_most_at_200(string epsilon)
    {
        Dpattn.Run("demo", "--epsilon", epsilon).IsRefused(ExitCode.Usage, "epsilon must lie in (0, 200]");
        Dpattn.Run("demo", "--limit", epsilon).IsRefused(ExitCode.Usage, "epsilon must lie in (0, 200]");
        Dpattn.Run("calc", "--epsilon", epsilon, "--delta", "1e-6").IsRefused(ExitCode.Usage, "epsilon must lie in (0, 200]");
        Dpattn.Run("calc", "--epsilon", epsilon, "--sigma", "1").IsRefused(ExitCode.Usage, "epsilon must lie in (0, 200]");
        Estimate("--epsilon", epsilon).IsRefused(ExitCode.Usage, "epsilon must lie in (0, 200]");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("-1e-6")]
    [InlineData("nan")]
    [InlineData("2")]
    public void Delta_lies_strictly_between_0_and_1(string delta)
    {
        Dpattn.Run("demo", "--delta", delta).IsRefused(ExitCode.Usage, "delta must lie strictly between 0 and 1");
        Dpattn.Run("calc", "--mu", "1", "--delta", delta).IsRefused(ExitCode.Usage, "delta must lie strictly between 0 and 1");
        Estimate("--delta", delta).IsRefused(ExitCode.Usage, "delta must lie strictly between 0 and 1");
    }

    [Fact]
    public void A_store_promises_no_delta_below_two_to_the_minus_100()
    {
        Dpattn.Run("demo", "--delta", "7.8e-31").IsRefused(ExitCode.Usage, "delta must be at least 2^-100");
        Estimate("--delta", "7.8e-31").IsRefused(ExitCode.Usage, "delta must be at least 2^-100");
        // Just above it the claim is possible, but not with the slack of discrete noise at this epsilon.
        Dpattn.Run("demo", "--delta", "7.9e-31").IsRefused(ExitCode.Usage, "no room for the slack of discrete noise");
    }

    [Fact]
    public void Files_without_stated_bounds_are_refused_before_they_are_opened()
    {
        string[] files = ["demo", "--keys", _folder.PathOf("absent.npy"), "--values", _folder.PathOf("absent.npy")];
        const string Why = "never derived from the rows";
        Dpattn.Run(files).IsRefused(ExitCode.Usage, "--key-radius R or --key-box LOW,HIGH", "--value-radius R", Why);
        var values = Dpattn.Run([.. files, "--key-box", "0,1"]);
        values.IsRefused(ExitCode.Usage, "--value-radius R", Why);
        Assert.DoesNotContain("--key-", values.Error);
        var keys = Dpattn.Run([.. files, "--value-radius", "1"]);
        keys.IsRefused(ExitCode.Usage, "--key-radius R or --key-box LOW,HIGH", Why);
        Assert.DoesNotContain("--value-", keys.Error);
        Dpattn.Run("estimate", "--rows", "10", "--key-dimension", "2", "--value-dimension", "2").IsRefused(ExitCode.Usage, "--key-radius R or --key-box LOW,HIGH", "--value-radius R");
    }

    [Theory]
    [InlineData("--values is missing", "--keys", "k.npy")]
    [InlineData("--keys is missing", "--values", "v.npy")]
    [InlineData("--queries and --labels go with --keys and --values", "--queries", "q.npy")]
    [InlineData("--queries and --labels go with --keys and --values", "--labels", "l.npy")]
    [InlineData("--labels are the classes of --queries", "--keys", "k.npy", "--values", "v.npy", "--labels", "l.npy")]
    [InlineData("--rows shapes made rows", "--keys", "k.npy", "--values", "v.npy", "--rows", "5")]
    [InlineData("--rows must be at least 1, not 0", "--rows", "0")]
    [InlineData("--key-dimension must be at least 1, not -3", "--key-dimension", "-3")]
    [InlineData("--value-dimension must be at least 1, not 0", "--value-dimension", "0")]
    [InlineData("--repeat must be at least 1, not 0", "--repeat", "0")]
    [InlineData("--threads must be at least 1, not 0", "--threads", "0")]
    [InlineData("--rows takes a whole number of at most 2147483647, not '3000000000'", "--rows", "3000000000")]
    [InlineData("--rows takes a whole number of at most 2147483647, not '10.5'", "--rows", "10.5")]
    [InlineData("a capacity of 2000000000 rows could overflow the 64-bit sums; at most", "--rows", "2000000000")]
    [InlineData("a matrix of 500000000 x 32 has 16000000000 elements; one array holds at most", "--rows", "500000000")]
    [InlineData("--key-radius or --key-box, not both", "--key-radius", "1", "--key-box", "0,1")]
    [InlineData("--key-box takes two finite numbers LOW,HIGH with LOW below HIGH, not '1,0'", "--key-box", "1,0")]
    [InlineData("--key-box takes two finite numbers", "--key-box", "0,1,2")]
    [InlineData("--key-box takes two finite numbers", "--key-box", "0,x")]
    [InlineData("--query-box takes two finite numbers", "--query-box", "nan,1")]
    [InlineData("--key-radius must be finite and above 0, not 0", "--key-radius", "0")]
    [InlineData("--query-radius must be finite and above 0, not -1", "--query-radius", "-1")]
    [InlineData("--value-radius must be finite and above 0", "--value-radius", "nan")]
    [InlineData("--key-radius must be finite and above 0", "--key-radius", "infinity")]
    [InlineData("scale must be finite and above 0", "--scale", "0")]
    [InlineData("scale must be finite and above 0", "--scale", "nan")]
    [InlineData("--scale takes a number, not 'x'", "--scale", "x")]
    [InlineData("the degree must lie between 1 and", "--degree", "0")]
    [InlineData("no minimax polynomial of degree 2", "--scale", "50")]
    [InlineData("relative error of", "--scale", "5", "--kernel", "taylor")]
    [InlineData("--kernel takes minimax or taylor, not 'softmax'", "--kernel", "softmax")]
    [InlineData("--adjacency takes replace-one or add-remove, not 'both'", "--adjacency", "both")]
    [InlineData("--output takes table or json, not 'xml'", "--output", "xml")]
    [InlineData("tiers 0 and 1 (epsilon", "--epsilon", "1e-12")]
    [InlineData("Unrecognized command or argument '--eps'", "--eps", "1")]
    public void A_flag_that_cannot_be_met_is_named(string message, params string[] args) =>
        Dpattn.Run(["demo", .. args]).IsRefused(ExitCode.Usage, message);

    /// <summary>C(76, 12) features of 9 columns and 8 bytes.</summary>
    [Fact]
    public void Features_that_do_not_fit_in_memory_are_counted_before_any_row_is_made() =>
        Dpattn.Run("demo", "--rows", "2000000000", "--key-dimension", "64", "--degree", "12")
            .IsRefused(ExitCode.Usage, "degree 12 in 64 dimensions has 31022118677225 features", "2233592544760200 bytes", "at most 1073741824");

    [Fact]
    public void A_capacity_that_could_overflow_64_bits_is_refused() =>
        Dpattn.Run("estimate", "--rows", "1000000000000000", "--key-dimension", "2", "--value-dimension", "1", "--key-radius", "1", "--value-radius", "1")
            .IsRefused(ExitCode.Usage, "a capacity of 1000000000000000 rows could overflow the 64-bit sums; at most");

    /// <summary>Numbers that stand in the files and nowhere else never come back in a message.</summary>
    [Fact]
    public void No_message_repeats_a_number_of_the_rows_or_queries()
    {
        const float Secret = 7654.321f;
        var far = new[] { Secret, -Secret };
        Printed[] refusals =
        [
            Demo([far], [[0]], [[0, 0]], []),
            Demo([[0, 0]], [[Secret]], [[0, 0]], []),
            Demo([[0, 0]], [[0]], [far], []),
            Demo([[Secret, float.NaN]], [[0]], [[0, 0]], []),
            Demo([[0, 0]], [[0]], [[Secret, float.NaN]], []),
            Demo([[0, 0]], [[0]], [[0, 0]], ["--labels", _folder.Labels("l.npy", 7654)]),
            Demo([[0, 0]], [[0]], [[0, 0]], ["--labels", _folder.Matrix("m.npy", [Secret])]),
            Dpattn.Run(["demo", "--keys", _folder.Matrix("k.npy", far), "--values", _folder.Matrix("v.npy", [1f]), "--key-box", "0,1", "--value-radius", "1"]),
        ];
        Assert.All(refusals, refusal =>
        {
            refusal.IsRefused(ExitCode.Failed);
            Assert.DoesNotContain("7654", refusal.Error);
            Assert.DoesNotContain("7,654", refusal.Error);
            Assert.DoesNotContain("7.654", refusal.Error);
        });
    }

    [Fact]
    public void A_refusal_leaves_the_files_as_they_were()
    {
        var keys = _folder.Matrix("k.npy", [0f, 2]);
        var values = _folder.Matrix("v.npy", [1f]);
        var before = File.ReadAllBytes(keys);
        Dpattn.Run(["demo", "--keys", keys, "--values", values, .. Bounds]).IsRefused(ExitCode.Failed, "key of row 0");
        Assert.Equal(before, File.ReadAllBytes(keys));
        Assert.Equal(["k.npy", "v.npy"], Directory.GetFiles(Path.GetDirectoryName(keys)!).Select(Path.GetFileName).Order());
    }

    private Printed Demo(float[][] keys, float[][] values, float[][] queries, string[] more) => Dpattn.Run(
        ["demo", "--keys", _folder.Matrix("k.npy", keys), "--values", _folder.Matrix("v.npy", values), "--queries", _folder.Matrix("q.npy", queries), .. Bounds, .. more]);

    private static Printed Estimate(params string[] args) =>
        Dpattn.Run(["estimate", "--rows", "1000", "--key-dimension", "4", "--value-dimension", "1", "--key-radius", "1", "--value-radius", "1", .. args]);
}
