using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Bench;
using DpAttn.Cli.Output;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn bench: what the mechanisms are worth, measured.</summary>
internal static class BenchCommand
{
    public static Command Create(TextWriter output, TextWriter error) =>
        new("bench", "Measure the mechanisms beside each other") { CreateAccuracy(output, error) };

    private static Command CreateAccuracy(TextWriter output, TextWriter error)
    {
        var options = new AccuracyOptions();
        var plot = new Option<string?>("--plot") { Description = "also draw the curves into this file", HelpName = "FILE.svg" };
        var format = new OutputOption();
        var command = new Command("accuracy", "Measured error against n, epsilon and d, for every mechanism and two baselines");
        options.AddTo(command);
        command.Options.Add(plot);
        format.AddTo(command);
        command.SetAction(parsed =>
        {
            // What the flags state is settled before anything is measured.
            var settings = options.ReadSettings(parsed);
            var file = parsed.GetValue(plot);
            if (file is not null)
                RequireWritable(file);
            var results = new AccuracyRun(settings, options.ReadPoints(parsed, settings), new ProgressBars(error)).Run();
            if (file is not null)
                SvgPlot.Draw(AccuracyCurves.Of(results)).Save(file);
            if (format.Read(parsed) == OutputFormat.Json)
                output.WriteLine(JsonSerializer.Serialize(results, Numbers.Json));
            else
                AccuracyReport.Write(output, results, settings);
            return ExitCode.Done;
        });
        return command;
    }

    private static void RequireWritable(string file)
    {
        if (!file.EndsWith(".svg", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"--plot draws an .svg file, not '{Path.GetFileName(file)}'");
        if (Directory.Exists(file) || Path.GetDirectoryName(Path.GetFullPath(file)) is not { } folder || !Directory.Exists(folder))
            throw new DataFaultException($"--plot: there is no folder for the file '{file}'");
    }
}
