using System.CommandLine;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Cli.Demo;
using DpAttn.Cli.Output;
using DpAttn.Privacy;
using Spectre.Console;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn demo: the whole main job in one process, on rows that it makes or on the user's own.</summary>
internal static class DemoCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        var files = new DataOptions();
        var epsilon = NumberOption.WithDefault("--epsilon", "epsilon of the best tier", 1.0);
        var delta = NumberOption.WithDefault("--delta", "delta", 1e-6);
        var limit = NumberOption.Optional("--limit", "the user's budget; default: epsilon");
        var clip = new Option<bool>("--clip") { Description = "move rows and queries out of bounds to the nearest point inside instead of refusing them" };
        var repeat = NumberOption.WithDefault("--repeat", "publish this often with throw-away secrets, for evaluation; only the first is charged", 1);
        var threads = NumberOption.WithDefault("--threads", "threads", Environment.ProcessorCount);
        var schema = new SchemaOptions();
        var format = new OutputOption();
        var command = new Command("demo", "Load, state bounds, publish at a ladder, open a tier, ask, and see the budget before and after");
        files.AddTo(command);
        foreach (var option in new Option[] { epsilon, delta, limit, clip, repeat, threads })
            command.Options.Add(option);
        format.AddTo(command);
        schema.AddTo(command);
        command.SetAction(parsed =>
        {
            // What the flags state is settled before any file is read.
            var best = Epsilon.Budget(parsed.GetValue(epsilon));
            var at = Delta.Claimed(parsed.GetValue(delta));
            var budget = new PrivacyLimit(parsed.GetValue(limit) is { } stated ? Epsilon.Budget(stated) : best, at);
            parsed.RequireAtLeastOne(repeat, threads);
            files.RequireConsistent(parsed);
            if (files.AreStated(parsed))
                schema.RequireStatedBounds(parsed);
            var bars = new ProgressBars(error);
            var (data, parameters) = files.AreStated(parsed) ? ReadRows(parsed, files, schema, bars) : MakeRows(parsed, files, schema, bars);
            var (report, details) = new DemoRun(data, parameters, best, budget, parsed.GetValue(clip), parsed.GetValue(repeat), parsed.GetValue(threads), bars).Run();
            if (details.Repeats > 1)
                error.WriteLine($"dpattn: published {details.Repeats} times with throw-away secrets, for evaluation only; only the first release is charged");
            if (format.Read(parsed) == OutputFormat.Json)
                output.WriteLine(JsonSerializer.Serialize(report, Numbers.Json));
            else
                WriteTables(output, report, details);
            return ExitCode.Done;
        });
        return command;
    }

    private static (DemoData, MomentParameters) ReadRows(ParseResult parsed, DataOptions files, SchemaOptions schema, ProgressBars bars)
    {
        var data = bars.Run("loading", 1, _ => files.Load(parsed));
        return (data, schema.Read(parsed, data.Keys.Columns, data.Values.Columns, data.Keys.Rows, madeRadius: null));
    }

    private static (DemoData, MomentParameters) MakeRows(ParseResult parsed, DataOptions files, SchemaOptions schema, ProgressBars bars)
    {
        var (rows, keyDimension, valueDimension) = files.MadeShape(parsed);
        var parameters = schema.Read(parsed, keyDimension, valueDimension, rows, DemoData.MadeRadius);
        return (bars.Run("making rows", rows, report => DemoData.Make(rows, keyDimension, valueDimension, report)), parameters);
    }

    private static void WriteTables(TextWriter output, DemoReport r, DemoDetails details)
    {
        Tables.Write(output, details.IsMade ? "Store (made rows)" : "Store", Tables.Pairs(
            ("rows", $"{Numbers.Count(r.Rows)}, keys of {r.KeyDimension} and values of {r.ValueDimension} numbers"),
            ("mechanism", $"{r.Mechanism}, degree {details.Degree}, {Numbers.Count(r.Features)} features, scale {Numbers.Short(details.Scale)}"),
            ("guarantee", $"epsilon {Numbers.Short(r.Epsilon)} at delta {Numbers.Short(r.Delta)}, {r.Adjacency}, unit: one row"),
            ("ladder", $"epsilon {string.Join(", ", details.Ladder.Select(Numbers.Short))}"),
            ("published in", $"{Numbers.Short(r.PublishSeconds)} s")));
        var budget = Tables.Grid("", "limit", "spent", "remaining");
        AddBudget(budget, "before", details.BudgetBefore);
        AddBudget(budget, "after opening the best tier", details.BudgetOpened);
        AddBudget(budget, $"after {Numbers.Count(details.Queries)} queries", r.Budget);
        output.WriteLine();
        Tables.Write(output, $"The user's budget (epsilon at delta {Numbers.Short(r.Delta)})", budget);
        var answers = new List<(string, string)>
        {
            ("signal (exact minus mean), rms", Numbers.Short(r.SignalRms)),
            ("error (private minus exact), rms", Numbers.Short(r.Rmse)),
            ("noise alone, rms", $"{Numbers.Short(r.RmseNoiseOnly)} (predicted {Numbers.Short(r.PredictedNoiseRms)})"),
            ("kernel error, at most", Numbers.Short(r.KernelErrorBound)),
            ("95 % noise intervals that cover", Numbers.Share(r.Interval95Coverage)),
            ("indistinguishable from the mean", Numbers.Share(r.IndistinguishableShare)),
        };
        if (r is { Top1Exact: { } exact, Top1Private: { } top1 })
            answers.Add(("classes found", $"{Numbers.Share(top1)} private, {Numbers.Share(exact)} exact"));
        answers.Add(("median query", $"{Numbers.Short(r.QueryMicrosMedian)} us private, {Numbers.Short(r.ExactQueryMicrosMedian)} us exact"));
        output.WriteLine();
        Tables.Write(
            output,
            details.Repeats == 1
                ? $"{Numbers.Count(details.Queries)} answers, which share the noise of one release (--repeat 100 averages over many)"
                : $"{Numbers.Count(details.Queries)} answers, mean of {details.Repeats} publishes with throw-away secrets (only the first is charged)",
            Tables.Pairs([.. answers]));
        output.WriteLine();
        output.WriteLine("Figures that compare with exact attention are taken from the rows themselves: they are for the owner, not private.");
    }

    private static void AddBudget(Table table, string when, BudgetReport budget) =>
        table.AddRow(when, Numbers.Short(budget.Limit), Numbers.Short(budget.Spent), Numbers.Short(budget.Remaining));
}
