using System.CommandLine;
using DpAttn.Cli.Files;
using DpAttn.Cli.Output;
using DpAttn.Client;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn load: rows of a file into a store. The whole file is checked before the first row is sent, and an interrupted load is taken up again by the same command.</summary>
internal static class LoadCommand
{
    public static Command Create(RemoteContext context)
    {
        var store = Arguments.Store();
        var prefix = new Option<string?>("--batch-prefix") { Description = "beginning of the batch ids; the same rows under the same one are stored once. Default: a digest of the rows", HelpName = "ID" };
        var clip = new Option<bool>("--clip") { Description = "move rows out of bounds to the nearest point inside instead of refusing the file" };
        var files = new FileOptions();
        var verb = new RemoteCommand(context, "load", "Load rows from .npy, .npz, .csv, .parquet or .safetensors; the same command again goes on after an interruption", [store, .. files.All, prefix, clip]);
        return verb.Does(async (options, client, parsed, token) =>
        {
            var source = files.Read(parsed);
            var description = await client.GetStoreAsync(parsed.GetValue(store)!, token).ConfigureAwait(false);
            var reading = new RowReading(source, RowFileLimits.Default, description, parsed.GetValue(clip));
            var summary = Bar(context, "checking", report => reading.CheckAsync(options.BatchBytes, options.BatchRows, report, token));
            if (summary.Rows > description.Definition.Capacity)
                throw new DataFaultException($"the file has {summary.Rows} rows; store '{description.Name}' holds at most {description.Definition.Capacity}. Nothing was loaded");
            var id = parsed.GetValue(prefix) ?? "rows-" + summary.Digest;
            Send(context, client, description.Name, id, reading, summary.Rows, token);
            var after = await client.GetStoreAsync(description.Name, token).ConfigureAwait(false);
            var result = new LoadReport(description.Name, summary.Rows, summary.Moved, id, description.Slots, after.Slots);
            verb.Printer.Print(parsed, result, r =>
            [
                ($"Loaded into store {r.Store}", Tables.Pairs(
                    ("rows of the file", $"{Numbers.Count(r.Rows)}, all durable"),
                    ("moved inside the bounds", Numbers.Count(r.Moved)),
                    ("slots of the store", $"{Numbers.Count(r.SlotsBefore)} before, {Numbers.Count(r.SlotsAfter)} now"),
                    ("batches", r.BatchPrefix + "-..."))),
            ]);
        });
    }

    /// <summary>What was loaded; the JSON output is this record.</summary>
    internal sealed record LoadReport(string Store, long Rows, long Moved, string BatchPrefix, long SlotsBefore, long SlotsAfter);

    private static void Send(RemoteContext context, IDpAttentionClient client, string store, string prefix, RowReading reading, long rows, CancellationToken cancellationToken)
    {
        var durable = 0L;
        try
        {
            Bar(context, "loading", report =>
            {
                var progress = new Progress(count =>
                {
                    durable = count;
                    report?.Invoke((double)count / rows);
                });
                return client.AppendAsync(store, prefix, reading.ReadAsync(rows, cancellationToken), progress, clip: false, cancellationToken);
            });
        }
        catch (Exception e) when (durable > 0 && e is (OperationCanceledException or DpAttentionException or RowFileException))
        {
            context.Note($"{Numbers.Count(durable)} of {Numbers.Count(rows)} rows are durable; the same command again goes on from there");
            throw;
        }
    }

    /// <summary>A bar that is told the share done.</summary>
    private static T Bar<T>(RemoteContext context, string name, Func<Action<double>?, Task<T>> job) => context.Bars.Run(name, 1000, progress =>
    {
        var shown = 0L;
        return job(progress is null ? null : share =>
        {
            var now = (long)(1000 * share);
            if (now > shown)
                progress.Report(now - shown);
            shown = Math.Max(shown, now);
        }).GetAwaiter().GetResult();
    });

    private sealed class Progress(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
