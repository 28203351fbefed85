using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace DpAttn.Cluster;

/// <summary>One kind of work: a histogram of how long it takes, in seconds, and a span for each that is traced.</summary>
/// <remarks>A failure leaves its kind, and never its text: that may quote anything.</remarks>
internal sealed class TimedOperation(ActivitySource source, string span, Histogram<double> seconds)
{
    /// <summary>Does a piece of work.</summary>
    /// <param name="work">The work; it may add labels to its run as it learns them.</param>
    /// <param name="labels">Labels that are known at its start.</param>
    public async Task<T> RunAsync<T>(Func<Run, Task<T>> work, params KeyValuePair<string, object?>[] labels)
    {
        var run = new Run(source.StartActivity(span), labels);
        try
        {
            return await work(run);
        }
        catch (Exception e)
        {
            run.Fail(Labels.Of(e));
            throw;
        }
        finally
        {
            run.End(seconds);
        }
    }

    /// <summary>One run of the work.</summary>
    internal sealed class Run
    {
        private readonly Activity? _activity;
        private readonly long _start = Stopwatch.GetTimestamp();
        private TagList _labels;

        public Run(Activity? activity, KeyValuePair<string, object?>[] labels)
        {
            _activity = activity;
            foreach (var (name, value) in labels)
                Label(name, value);
        }

        /// <summary>Adds a label.</summary>
        public void Label(string name, object? value)
        {
            _labels.Add(name, value);
            _activity?.SetTag(name, value);
        }

        internal void Fail(string kind)
        {
            Label(Labels.ErrorType, kind);
            _activity?.SetStatus(ActivityStatusCode.Error);
        }

        internal void End(Histogram<double> seconds)
        {
            seconds.Record(Stopwatch.GetElapsedTime(_start).TotalSeconds, _labels);
            _activity?.Dispose();
        }
    }
}
