using System.Collections.Concurrent;
using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>Long computations run on few threads of their own, behind a bounded queue.</summary>
public class ScanSchedulerTests
{
    [Fact]
    public async Task Work_runs_on_as_many_threads_as_stated_and_on_none_of_the_pool()
    {
        using var scans = new ScanScheduler(new ClusterOptions { ScanThreads = 2, ScanQueue = 100 });
        using var bothRun = new Barrier(2);
        var threads = new ConcurrentDictionary<Thread, bool>();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => scans.RunAsync(() =>
        {
            threads[Thread.CurrentThread] = Thread.CurrentThread.IsThreadPoolThread;
            if (i < 2)
                Assert.True(bothRun.SignalAndWait(TimeSpan.FromSeconds(30)));
            return i;
        })));
        Assert.Equal(2, threads.Count);
        Assert.DoesNotContain(true, threads.Values);
    }

    [Fact]
    public async Task A_full_queue_refuses_requests_at_once_and_lets_jobs_wait()
    {
        using var scans = new ScanScheduler(new ClusterOptions { ScanThreads = 1, ScanQueue = 2 });
        using var gate = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        var first = scans.RunAsync(() => { begun.Set(); gate.Wait(); return 0; });
        begun.Wait();
        var queued = new[] { scans.RunAsync(() => 1), scans.RunAsync(() => 2) };
        Assert.Equal(2, scans.Waiting);
        Assert.Equal(ProblemCodes.Busy, (await Assert.ThrowsAsync<ProblemException>(() => scans.RunAsync(() => 3))).Code);
        var job = scans.RunWhenFreeAsync(() => 4);
        Assert.False(job.IsCompleted);
        gate.Set();
        var all = await Task.WhenAll([first, .. queued, job]);
        Assert.Equal([0, 1, 2, 4], all);
    }

    [Fact]
    public async Task A_job_that_waits_for_room_can_give_up()
    {
        using var scans = new ScanScheduler(new ClusterOptions { ScanThreads = 1, ScanQueue = 1 });
        using var gate = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        using var stop = new CancellationTokenSource();
        _ = scans.RunAsync(() => { begun.Set(); gate.Wait(); return 0; });
        begun.Wait();
        _ = scans.RunAsync(() => 1);
        var job = scans.RunWhenFreeAsync(() => 2, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job);
        gate.Set();
    }

    [Fact]
    public async Task An_exception_comes_out_as_it_is_and_the_thread_goes_on()
    {
        using var scans = new ScanScheduler(new ClusterOptions { ScanThreads = 1 });
        await Assert.ThrowsAsync<FormatException>(() => scans.RunAsync<int>(() => throw new FormatException()));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scans.RunAsync<int>(() => throw new OperationCanceledException()));
        Assert.Equal(5, await scans.RunAsync(() => 5));
    }

    [Fact]
    public async Task What_was_given_up_in_the_queue_is_not_run()
    {
        using var scans = new ScanScheduler(new ClusterOptions { ScanThreads = 1 });
        using var gate = new ManualResetEventSlim();
        using var stop = new CancellationTokenSource();
        var first = scans.RunAsync(() => { gate.Wait(); return 0; });
        var ran = false;
        var given = scans.RunAsync(() => ran = true, stop.Token);
        await stop.CancelAsync();
        gate.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        await first;
        Assert.False(ran);
    }

    [Fact]
    public async Task What_is_queued_when_it_stops_is_carried_out_and_what_comes_later_is_refused()
    {
        var scans = new ScanScheduler(new ClusterOptions { ScanThreads = 1 });
        using var gate = new ManualResetEventSlim();
        var first = scans.RunAsync(() => { gate.Wait(); return 1; });
        var second = scans.RunAsync(() => 2);
        var disposing = Task.Run(scans.Dispose);
        gate.Set();
        await disposing;
        var both = await Task.WhenAll(first, second);
        Assert.Equal([1, 2], both);
        Assert.Equal(ProblemCodes.Busy, (await Assert.ThrowsAsync<ProblemException>(() => scans.RunAsync(() => 3))).Code);
    }
}
