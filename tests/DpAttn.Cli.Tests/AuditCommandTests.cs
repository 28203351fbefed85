using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Auditing;
using DpAttn.Cli.Auditing;
using DpAttn.Cli.Output;
using DpAttn.Privacy;

namespace DpAttn.Cli.Tests;

/// <summary>dpattn audit, on few runs; seeds are fixed wherever a number is judged.</summary>
public class AuditCommandTests
{
    private static readonly string[] Small = ["audit", "--mechanism", "moment-tree,per-query", "--epsilon", "4", "--runs", "2048", "--quick", "--seed", "1", "--threads", "1"];

    [Fact]
    public void The_json_has_exactly_the_fields_that_are_promised_for_every_mechanism_and_both_adjacencies()
    {
        var results = Dpattn.Run([.. Small, "--output", "json"]).Json().EnumerateArray().ToArray();
        Assert.All(results, result => Assert.Equal(
            ["mechanism", "adjacency", "claimedEpsilon", "delta", "empiricalEpsilonLowerBound", "confidence", "runs"], result.EnumerateObject().Select(field => field.Name)));
        Assert.Equal(
            [("moment-tree", "replace-one"), ("moment-tree", "add-remove"), ("per-query", "replace-one"), ("per-query", "add-remove")],
            results.Select(result => (result.GetProperty("mechanism").GetString(), result.GetProperty("adjacency").GetString())));
        Assert.All(results, result =>
        {
            Assert.Equal((4, 1e-6, 0.99, 4096), (Number(result, "claimedEpsilon"), Number(result, "delta"), Number(result, "confidence"), Number(result, "runs")));
            Assert.InRange(Number(result, "empiricalEpsilonLowerBound"), 1, 4);
        });
    }

    [Fact]
    public void A_seed_repeats_an_audit_whatever_the_threads_and_without_one_it_is_another()
    {
        string[] command = ["audit", "--mechanism", "per-query", "--adjacency", "add-remove", "--epsilon", "4", "--runs", "4096", "--quick", "--output", "json"];
        var first = Dpattn.Run([.. command, "--seed", "7", "--threads", "1"]);
        Assert.Equal(ExitCode.Done, first.ExitCode);
        Assert.Equal(first.Output, Dpattn.Run([.. command, "--seed", "7", "--threads", "3"]).Output);
        Assert.NotEqual(first.Output, Dpattn.Run([.. command, "--seed", "8"]).Output);
        // Two of three fresh audits may agree by chance in their counts; all three hardly ever do (below 1e-3 squared).
        Assert.True(new[] { Dpattn.Run(command).Output, Dpattn.Run(command).Output, Dpattn.Run(command).Output }.Distinct().Count() > 1);
    }

    [Fact]
    public void The_table_says_what_was_claimed_what_was_shown_and_that_the_claim_holds()
    {
        var printed = Dpattn.Run(Small);
        Assert.Equal((ExitCode.Done, ""), (printed.ExitCode, printed.Error));
        Assert.Contains("Claims of epsilon at delta 1e-6", printed.Output);
        Assert.Equal(4, printed.Output.Split('\n').Count(line => line.TrimEnd().EndsWith(" holds", StringComparison.Ordinal)));
        Assert.DoesNotContain("REFUTED", printed.Output);
    }

    /// <summary>A store of one's own: a ball, more dimensions, another scale and degree.</summary>
    [Fact]
    public void A_configuration_of_ones_own_is_audited()
    {
        var result = Assert.Single(Dpattn.Run(
            "audit", "--mechanism", "moment-tree", "--adjacency", "replace-one", "--key-radius", "1", "--value-radius", "2", "--key-dimension", "3", "--value-dimension", "2",
            "--scale", "0.7", "--degree", "3", "--epsilon", "8", "--runs", "2048", "--quick", "--seed", "1", "--output", "json").Json().EnumerateArray());
        Assert.InRange(Number(result, "empiricalEpsilonLowerBound"), 4, 8);
    }

    [Theory]
    [InlineData("--mechanism takes moment-tree, moment-tree levels-all", "--mechanism", "moment")]
    [InlineData("epsilon must lie in (0, 200]", "--epsilon", "0")]
    [InlineData("delta must be at least 2^-100", "--delta", "1e-40")]
    [InlineData("--share must lie strictly between 0 and 1, not 1", "--share", "1")]
    [InlineData("no number of runs shows 0.999 of the claim", "--share", "0.999")]
    [InlineData("--runs must lie between 1 and 67108864, not 0", "--runs", "0")]
    [InlineData("--threads must be at least 1", "--threads", "0")]
    [InlineData("--query-count must be at least 1", "--query-count", "0")]
    [InlineData("--key-dimension must lie between 1 and 64, not 65", "--key-dimension", "65")]
    [InlineData("the audited moment tree has the minimax polynomial", "--kernel", "taylor")]
    [InlineData("alpha must be 0 (exact distances) or lie between", "--alpha", "100")]
    [InlineData("a grid has a power of two of points", "--grid-cells", "5")]
    [InlineData("the copies must be an odd number", "--copies", "2")]
    [InlineData("and at most 512 are audited", "--key-dimension", "8", "--value-dimension", "8")]
    public void What_cannot_be_audited_is_refused_before_anything_runs(string message, params string[] flags) =>
        Dpattn.Run(["audit", "--quick", .. flags]).IsRefused(ExitCode.Usage, message);

    /// <summary>A claim that a mechanism does not keep: every result is printed, and the failure is loud.</summary>
    [Theory]
    [InlineData(OutputFormat.Table)]
    [InlineData(OutputFormat.Json)]
    internal void A_refuted_claim_is_printed_and_fails(OutputFormat format)
    {
        var target = AuditedStore.Small(Adjacency.ReplaceOne).Target("moment-tree", new Epsilon(8), new Delta(1e-6));
        var honest = Audit.Run(target, new AuditSettings { LearningRuns = 512, TuningRuns = 2048, Runs = 8192, Seed = 1 });
        var broken = honest with { Claimed = new Epsilon(4) };
        using var output = new StringWriter();
        var failure = Assert.Throws<AuditFailedException>(() => AuditReport.Write(output, [honest, broken], format));
        Assert.Contains("1 of 2 claims are refuted; do not release anything with this build. moment-tree, replace-one: claims epsilon 4 at delta 1E-06, and its noise is that of an epsilon of at least", failure.Message);
        if (format == OutputFormat.Json)
            Assert.Equal(2, JsonDocument.Parse(output.ToString()).RootElement.GetArrayLength());
        else
            Assert.Contains("REFUTED", output.ToString());
    }

    private static double Number(JsonElement result, string name) => result.GetProperty(name).GetDouble();
}
