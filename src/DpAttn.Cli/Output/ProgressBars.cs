using Spectre.Console;

namespace DpAttn.Cli.Output;

/// <summary>Progress bars on standard error, drawn only where that is a terminal.</summary>
internal sealed class ProgressBars(TextWriter error)
{
    private readonly bool _isTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;

    /// <summary>Runs a job that reports how many units it has just done.</summary>
    public T Run<T>(string name, long units, Func<IProgress<long>?, T> job) =>
        RunAsync(name, units, report => Task.FromResult(job(report))).GetAwaiter().GetResult();

    /// <summary>Runs a job that reports how many units it has just done.</summary>
    public Task RunAsync(string name, long units, Func<IProgress<long>?, Task> job) => RunAsync(name, units, async report =>
    {
        await job(report).ConfigureAwait(false);
        return true;
    });

    private async Task<T> RunAsync<T>(string name, long units, Func<IProgress<long>?, Task<T>> job)
    {
        if (!_isTerminal)
            return await job(null).ConfigureAwait(false);
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            // Whether this is a terminal decides, not whose build server it runs on.
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            Out = new AnsiConsoleOutput(error),
        });
        return await console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask(name, maxValue: Math.Max(1, units));
                var result = await job(new Increment(bar)).ConfigureAwait(false);
                bar.Value = bar.MaxValue;
                return result;
            }).ConfigureAwait(false);
    }

    private sealed class Increment(ProgressTask bar) : IProgress<long>
    {
        public void Report(long value) => bar.Increment(value);
    }
}
