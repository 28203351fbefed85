using Spectre.Console;

namespace DpAttn.Cli.Output;

/// <summary>Progress bars on standard error, drawn only where that is a terminal.</summary>
internal sealed class ProgressBars(TextWriter error)
{
    private readonly bool _isTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;

    /// <summary>Runs a job that reports how many units it has just done.</summary>
    public T Run<T>(string name, long units, Func<IProgress<long>?, T> job)
    {
        if (!_isTerminal)
            return job(null);
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            // Whether this is a terminal decides, not whose build server it runs on.
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            Out = new AnsiConsoleOutput(error),
        });
        return console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var bar = context.AddTask(name, maxValue: Math.Max(1, units));
                var result = job(new Increment(bar));
                bar.Value = bar.MaxValue;
                return result;
            });
    }

    private sealed class Increment(ProgressTask bar) : IProgress<long>
    {
        public void Report(long value) => bar.Increment(value);
    }
}
