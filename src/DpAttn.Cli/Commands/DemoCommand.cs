using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Demo;
using DpAttn.Cli.Output;
using DpAttn.Privacy;
using Spectre.Console;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn demo: the whole main job in one process, on rows that it makes or on the user's own.</summary>
internal static class DemoCommand
{
    private const double MadeRadius = 1;

    public static Command Create(TextWriter output, TextWriter error)
    {
        var keys = new Option<string?>("--keys") { Description = "n x d keys, .npy" };
        var values = new Option<string?>("--values") { Description = "n x dv values, .npy" };
        var queries = new Option<string?>("--queries") { Description = "m x d queries, .npy; default: some of the keys" };
        var labels = new Option<string?>("--labels") { Description = "m class numbers of the queries, .npy; values are then one-hot" };
        var rows = new Option<int>("--rows") { Description = "how many rows to make when no files are given", DefaultValueFactory = _ => 50_000 };
        var keyDimension = new Option<int>("--key-dimension") { Description = "d of made rows", DefaultValueFactory = _ => 32 };
        var valueDimension = new Option<int>("--value-dimension") { Description = "dv of made rows: their number of clusters", DefaultValueFactory = _ => 8 };
        var epsilon = new Option<double>("--epsilon") { Description = "epsilon of the best tier", DefaultValueFactory = _ => 1 };
        var delta = new Option<double>("--delta") { Description = "delta", DefaultValueFactory = _ => 1e-6 };
        var limit = new Option<double?>("--limit") { Description = "the user's budget; default: epsilon" };
        var clip = new Option<bool>("--clip") { Description = "move rows and queries out of bounds to the nearest point inside instead of refusing them" };
        var repeat = new Option<int>("--repeat") { Description = "publish this often with throw-away secrets, for evaluation; only the first is charged", DefaultValueFactory = _ => 1 };
        var threads = new Option<int>("--threads") { Description = "threads", DefaultValueFactory = _ => Environment.ProcessorCount };
        var schema = new SchemaOptions();
        var format = OutputOption.Create();
        var command = new Command("demo", "Load, state bounds, publish at a ladder, open a tier, ask, and see the budget before and after")
        {
            keys, values, queries, labels, rows, keyDimension, valueDimension, epsilon, delta, limit, clip, repeat, threads, format,
        };
        schema.AddTo(command);
        command.SetAction(parsed =>
        {
            var best = Epsilon.Budget(parsed.GetValue(epsilon));
            var at = Delta.Claimed(parsed.GetValue(delta));
            var budget = parsed.GetValue(limit) is { } stated ? Epsilon.Budget(stated) : best;
            RequireAtLeastOne(repeat.Name, parsed.GetValue(repeat));
            foreach (var count in new[] { rows, keyDimension, valueDimension })
                RequireAtLeastOne(count.Name, parsed.GetValue(count));
            RequireAtLeastOne(threads.Name, parsed.GetValue(threads));
            var bars = new ProgressBars(error);
            var (keysPath, valuesPath) = (parsed.GetValue(keys), parsed.GetValue(values));
            if (keysPath is null != valuesPath is null)
                throw new ArgumentException($"state both --keys and --values; {(keysPath is null ? "--keys" : "--values")} is missing");
            if (keysPath is null && (parsed.GetValue(queries) ?? parsed.GetValue(labels)) is not null)
                throw new ArgumentException("--queries and --labels go with --keys and --values");
            var data = keysPath is null
                ? bars.Run("making rows", 1, _ => DemoData.Make(parsed.GetValue(rows), parsed.GetValue(keyDimension), parsed.GetValue(valueDimension), queries: 1000))
                : bars.Run("loading", 1, _ => DemoData.Load(keysPath, valuesPath!, parsed.GetValue(queries), parsed.GetValue(labels)));
            var parameters = schema.Read(parsed, data.Keys.Columns, data.Values.Columns, data.Keys.Rows, data.IsMade ? MadeRadius : null);
            var report = new DemoRun(data, parameters, best, at, budget, parsed.GetValue(clip), parsed.GetValue(repeat), parsed.GetValue(threads), bars).Run();
            if (report.Repeats > 1)
                error.WriteLine($"dpattn: published {report.Repeats} times with throw-away secrets, for evaluation only; only the first release is charged");
            if (parsed.GetValue(format) == OutputFormat.Json)
                output.WriteLine(JsonSerializer.Serialize(report, Numbers.Json));
            else
                WriteTables(output, report);
            return ExitCode.Done;
        });
        return command;
    }

    private static void RequireAtLeastOne(string option, int value)
    {
        if (value < 1)
            throw new ArgumentException($"{option} must be at least 1, not {value}");
    }

    private static void WriteTables(TextWriter output, DemoReport r)
    {
        var console = Tables.ConsoleFor(output);
        console.Write(r.IsMade ? "Store (made rows)" : "Store", Tables.Pairs(
            ("rows", $"{Numbers.Count(r.Rows)}, keys of {r.KeyDimension} and values of {r.ValueDimension} numbers"),
            ("mechanism", $"{r.Mechanism}, degree {r.Degree}, {Numbers.Count(r.Features)} features, scale {Numbers.Short(r.Scale)}"),
            ("guarantee", $"epsilon {Numbers.Short(r.Epsilon)} at delta {Numbers.Short(r.Delta)}, {r.Adjacency}, unit: one row"),
            ("ladder", $"epsilon {string.Join(", ", r.Ladder.Select(Numbers.Short))}"),
            ("published in", $"{Numbers.Short(r.PublishSeconds)} s")));
        var budget = Tables.Grid("", "limit", "spent", "remaining");
        budget.AddRow("before", Numbers.Short(r.BudgetBefore.Limit), Numbers.Short(r.BudgetBefore.Spent), Numbers.Short(r.BudgetBefore.Remaining));
        budget.AddRow("after opening the best tier", Numbers.Short(r.Budget.Limit), Numbers.Short(r.Budget.Spent), Numbers.Short(r.Budget.Remaining));
        budget.AddRow($"after {Numbers.Count(r.Queries)} queries", Numbers.Short(r.Budget.Limit), Numbers.Short(r.Budget.Spent), Numbers.Short(r.Budget.Remaining));
        console.Write($"The user's budget (epsilon at delta {Numbers.Short(r.Delta)})", budget);
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
        if (r.Repeats == 1)
            answers.Add(("note", "all answers of one release share one noise; --repeat 100 averages over many"));
        console.Write(
            r.Repeats == 1 ? $"{Numbers.Count(r.Queries)} answers" : $"{Numbers.Count(r.Queries)} answers, mean of {r.Repeats} publishes with throw-away secrets (only the first is charged)",
            Tables.Pairs([.. answers]));
    }
}
