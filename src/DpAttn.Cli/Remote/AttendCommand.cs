using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using DpAttn.Cli.Output;
using DpAttn.Client;
using DpAttn.Contracts;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn attend: private attention for queries of a file. Nothing is ever opened unless --tier or --max-epsilon says so.</summary>
internal static class AttendCommand
{
    private const int RowsShown = 20;
    private const int ColumnsShown = 8;

    public static Command Create(RemoteContext context)
    {
        var store = Arguments.Store();
        var queries = new Argument<string>("queries") { Description = "m x d queries, .npy" };
        var release = new Option<string?>("--release") { Description = "the release; default: the newest that is open", HelpName = "RELEASE" };
        var tier = Arguments.Whole("--tier", "open this tier of --release if need be, and answer from it; default: the best that is open. Per-query: buy the answer at this tier of the store");
        var maxEpsilon = Arguments.Number("--max-epsilon", "open the best tier that costs at most this, or buy a per-query answer at it; default: open and buy nothing");
        var rows = new Option<BlockRange?>("--rows")
        {
            Description = "answer about the blocks FROM to TO - 1 alone, of a store whose levels are all; default: all rows that are released",
            HelpName = "FROM:TO",
            CustomParser = ParseRows,
        };
        var key = new Option<string?>("--key") { Description = "the request's idempotency key: the same request with it again is answered again, and charged once; default: a fresh one", HelpName = "KEY" };
        var clip = new Option<bool>("--clip") { Description = "move queries out of bounds to the nearest point inside instead of refusing them" };
        var to = new Option<string?>("--to") { Description = "write the outputs, m x dv, to a .npy file; a .npz file gets the error bars too", HelpName = "FILE" };
        var verb = new RemoteCommand(context, "attend", "Ask queries of a release, or of all rows of a per-query store; answers carry their error bars and what they cost", store, queries, release, tier, maxEpsilon, rows, key, clip, to);
        return verb.Does(async (client, parsed, token) =>
        {
            var target = parsed.GetValue(to);
            if (target is not null && Path.GetExtension(target).ToLowerInvariant() is not (".npy" or ".npz"))
                throw new ArgumentException($"{to.Name} takes a .npy or .npz file");
            var options = new AttendOptions
            {
                Release = parsed.GetValue(release),
                Tier = parsed.GetInt(tier),
                MaxEpsilon = parsed.GetValue(maxEpsilon),
                Rows = parsed.GetValue(rows),
                Clip = parsed.GetValue(clip),
                IdempotencyKey = parsed.GetValue(key),
            };
            var asked = QueryFile.Read(parsed.GetValue(queries)!);
            var answers = await new AttendRun(client, parsed.GetValue(store)!, options).AskAsync(asked, token).ConfigureAwait(false);
            if (target is not null)
                AnswerFile.Write(target, answers);
            verb.Printer.Print(parsed, answers, value => ToTables(value, target));
        });
    }

    private static BlockRange? ParseRows(ArgumentResult result)
    {
        var ends = result.Tokens[0].Value.Split(':');
        if (ends.Length == 2 && long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from)
            && long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out var to) && from < to)
            return new BlockRange(from, to);
        result.AddError($"--rows takes two blocks FROM:TO, counted from 0, TO after FROM, not '{result.Tokens[0].Value}'");
        return null;
    }

    private static IEnumerable<(string, Table)> ToTables(AttendResponse answers, string? target)
    {
        var privacy = answers.Privacy;
        var lines = new List<(string, string)>
        {
            ("queries", Numbers.Count(answers.Outputs.Count)),
            ("answered from", $"{(privacy.Release is { } name ? $"release {name}" : "all rows")}, tier {privacy.Tier}: epsilon {Numbers.Short(privacy.TierEpsilon)} at delta {Numbers.Short(privacy.Delta)}"),
            ("charged", $"epsilon {Numbers.Short(privacy.Charged)}{(privacy.Replayed ? " (charged before, this is a replay)" : "")}"),
            ("spent", $"epsilon {Numbers.Short(privacy.Spent)}"),
            ("remaining", $"epsilon {Numbers.Short(privacy.Remaining)} at most for one further charge"),
            ("noise deviation, mean", MeanDeviation(answers) is { } mean ? Numbers.Short(mean) : "no bound"),
            ("kernel error, at most", $"{Numbers.Short(answers.KernelErrorBound)} in l2 norm"),
        };
        if (answers.SlotsCovered is { } slots)
            lines.Insert(2, ("covers", $"{Numbers.Count(slots)} slots{(answers.Blocks is { } blocks ? $", blocks {blocks.From} to {blocks.To - 1}" : "")}"));
        if (privacy.AboutMore is { } more)
            lines.Add(("about", $"{Numbers.Count(more)} more like this one"));
        if (answers.IndistinguishableFromMean is { } marks)
            lines.Add(("indistinguishable from the mean", $"{marks.Count(x => x)} of {answers.Outputs.Count}"));
        if (target is not null)
            lines.Add(("written to", target));
        yield return ("Private attention", Tables.Pairs([.. lines]));
        if (answers.Outputs.Count <= RowsShown && answers.Outputs[0].Count <= ColumnsShown)
            yield return ("Answers, with noise deviations", Answers(answers));
    }

    private static Table Answers(AttendResponse answers)
    {
        var table = Tables.Grid(["query", .. Enumerable.Range(0, answers.Outputs[0].Count).Select(j => $"{j}")]);
        for (var i = 0; i < answers.Outputs.Count; i++)
        {
            var deviations = answers.NoiseDeviations[i];
            table.AddRow([$"{i}", .. answers.Outputs[i].Select((x, j) => $"{Numbers.Short(x)} +- {(deviations[j] is { } deviation ? Numbers.Short(deviation) : "?")}")]);
        }
        return table;
    }

    private static double? MeanDeviation(AttendResponse answers)
    {
        var known = answers.NoiseDeviations.SelectMany(row => row).OfType<double>().ToArray();
        return known.Length == 0 ? null : known.Average();
    }
}
