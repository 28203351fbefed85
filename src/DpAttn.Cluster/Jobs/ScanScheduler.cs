using System.Collections.Concurrent;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>
/// The one place of a silo where long computations run: threads of its own, so that a silo under full ingest still answers, and a bounded
/// queue. Callers cut their work into pieces of well under a second.
/// </summary>
internal sealed class ScanScheduler : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private readonly BlockingCollection<Action> _queue;
    private readonly Thread[] _threads;

    public ScanScheduler(ClusterOptions options)
    {
        _queue = new BlockingCollection<Action>(options.ScanQueue);
        _threads = new Thread[options.ScanThreads];
        for (var i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"dpattn scan {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Pieces that wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Runs a piece of work on one of the threads.</summary>
    /// <exception cref="ProblemException">busy: the queue is full.</exception>
    public Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken = default) =>
        TryRun(work, cancellationToken) ?? throw new ProblemException(ProblemCodes.Busy, $"{_queue.BoundedCapacity} computations are waiting already");

    /// <summary>The same for work that nobody waits for: it waits for room in the queue, so that requests fill it and jobs do not fail by it.</summary>
    public async Task<T> RunWhenFreeAsync<T>(Func<T> work, CancellationToken cancellationToken = default)
    {
        Task<T>? running;
        while ((running = TryRun(work, cancellationToken)) is null)
            await Task.Delay(Pause, cancellationToken);
        return await running;
    }

    public void Dispose()
    {
        _queue.CompleteAdding();
        foreach (var thread in _threads)
            thread.Join();
        _queue.Dispose();
    }

    /// <summary>The work's task, or null when the queue is full.</summary>
    private Task<T>? TryRun<T>(Func<T> work, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            return _queue.TryAdd(() => Run(work, done, cancellationToken)) ? done.Task : null;
        }
        catch (InvalidOperationException)
        {
            throw new ProblemException(ProblemCodes.Busy, "this silo is stopping");
        }
    }

    private static void Run<T>(Func<T> work, TaskCompletionSource<T> done, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            done.TrySetCanceled(cancellationToken);
            return;
        }
        try
        {
            done.TrySetResult(work());
        }
        catch (OperationCanceledException e)
        {
            done.TrySetCanceled(e.CancellationToken);
        }
        catch (Exception e)
        {
            done.TrySetException(e);
        }
    }

    private void Work()
    {
        foreach (var run in _queue.GetConsumingEnumerable())
            run();
    }
}
