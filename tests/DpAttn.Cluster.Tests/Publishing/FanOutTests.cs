using System.Collections.Concurrent;
using CsCheck;
using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>All shards or failure, a bounded number at a time, in the order of arrival.</summary>
public class FanOutTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Every_shard_is_asked_once_and_taken_once_for_any_number_and_window()
    {
        await Gen.Select(Gen.Int[0, 40], Gen.Int[1, 20], Gen.Int[0, 1000]).SampleAsync(async (shards, window, seed) =>
        {
            var order = new Random(seed);
            var asked = new ConcurrentBag<int>();
            var taken = new List<(int, int)>();
            await new FanOut(window, Patience).RunAsync(
                shards,
                async (shard, _) =>
                {
                    asked.Add(shard);
                    if (order.Next(2) == 0)
                        await Task.Yield();
                    return shard * 7;
                },
                (shard, result) => taken.Add((shard, result)),
                CancellationToken.None);
            Assert.Equal(Enumerable.Range(0, shards), asked.Order());
            Assert.Equal(Enumerable.Range(0, shards).Select(shard => (shard, shard * 7)), taken.Order());
        }, iter: 100);
    }

    /// <summary>Results that are there at once, and all alike, may be one and the same task.</summary>
    [Fact]
    public async Task Shards_that_answer_at_once_and_all_alike_are_all_taken()
    {
        var taken = new List<int>();
        await new FanOut(16, Patience).RunAsync(40, (_, _) => Task.FromResult(true), (shard, _) => taken.Add(shard), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 40), taken.Order());
    }

    [Fact]
    public async Task Every_shard_is_told_and_one_that_fails_is_named()
    {
        var told = new ConcurrentBag<int>();
        await new FanOut(3, Patience).TellAsync(
            20,
            async (shard, _) =>
            {
                await Task.Yield();
                told.Add(shard);
            },
            CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 20), told.Order());
        var failed = await Refused.WithAsync(ProblemCodes.ShardUnavailable, () => new FanOut(3, Patience).TellAsync(
            20, (shard, _) => shard == 7 ? Task.FromException(new TimeoutException()) : Task.CompletedTask, CancellationToken.None));
        Assert.StartsWith("shard 7", failed.Message);
    }

    [Fact]
    public async Task No_more_than_the_window_is_asked_at_a_time()
    {
        int running = 0, most = 0;
        await new FanOut(3, Patience).RunAsync(
            20,
            async (_, _) =>
            {
                var now = Interlocked.Increment(ref running);
                most = Math.Max(most, now);
                await Task.Delay(2);
                Interlocked.Decrement(ref running);
                return 0;
            },
            (_, _) => { },
            CancellationToken.None);
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task Results_are_taken_as_they_arrive()
    {
        var gates = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource<int>()).ToArray();
        var taken = new List<int>();
        var running = new FanOut(3, Patience).RunAsync(
            3,
            (shard, _) => gates[shard].Task,
            (shard, _) =>
            {
                taken.Add(shard);
                if (taken.Count < 3)
                    gates[(shard + 2) % 3].SetResult(0);
            },
            CancellationToken.None);
        gates[1].SetResult(0);
        await running;
        Assert.Equal([1, 0, 2], taken);
    }

    [Fact]
    public async Task One_shard_that_fails_fails_the_whole_and_stops_the_others()
    {
        var stopped = new TaskCompletionSource();
        var problem = await Assert.ThrowsAsync<ProblemException>(() => new FanOut(4, Patience).RunAsync<int>(
            4,
            async (shard, token) =>
            {
                if (shard == 2)
                    throw new InvalidOperationException("a row stood here: 0.25");
                // Trouble with being stopped must not hide why.
                token.Register(() => { stopped.TrySetResult(); throw new InvalidOperationException(); });
                await Task.Delay(Timeout.Infinite, token);
                return 0;
            },
            (_, _) => { },
            CancellationToken.None));
        Assert.Equal(ProblemCodes.ShardUnavailable, problem.Code);
        Assert.Equal("shard 2 failed", problem.Message);
        await stopped.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_problem_of_a_shard_keeps_its_code_and_says_which_shard()
    {
        var problem = await Assert.ThrowsAsync<ProblemException>(() => new FanOut(1, Patience).RunAsync<int>(
            2,
            (shard, _) => shard == 1 ? throw new ProblemException(ProblemCodes.StorageFull, "the storage is full") : Task.FromResult(0),
            (_, _) => { },
            CancellationToken.None));
        Assert.Equal((ProblemCodes.StorageFull, "shard 1: the storage is full"), (problem.Code, problem.Message));
    }

    [Fact]
    public async Task A_shard_that_misses_the_deadline_fails_the_whole()
    {
        var problem = await Assert.ThrowsAsync<ProblemException>(() => new FanOut(4, TimeSpan.FromMilliseconds(30)).RunAsync<int>(
            2,
            (shard, _) => shard == 0 ? Task.FromResult(0) : new TaskCompletionSource<int>().Task,
            (_, _) => { },
            CancellationToken.None));
        Assert.Equal(ProblemCodes.ShardUnavailable, problem.Code);
        Assert.Contains("shard 1 did not answer within 0.03 s", problem.Message);
    }

    [Fact]
    public async Task A_result_that_cannot_be_taken_fails_the_whole()
    {
        var taken = 0;
        await Assert.ThrowsAsync<OverflowException>(() => new FanOut(1, Patience).RunAsync(
            5, (shard, _) => Task.FromResult(shard), (shard, _) => { taken++; if (shard == 2) throw new OverflowException(); }, CancellationToken.None));
        Assert.Equal(3, taken);
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_told_so_and_the_shards_too()
    {
        using var caller = new CancellationTokenSource();
        var stopped = new TaskCompletionSource();
        var running = new FanOut(2, Patience).RunAsync<int>(
            2,
            async (_, token) =>
            {
                token.Register(() => stopped.TrySetResult());
                await Task.Delay(Timeout.Infinite, token);
                return 0;
            },
            (_, _) => { },
            caller.Token);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await stopped.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_shard_that_was_cancelled_by_itself_is_a_failure_and_not_the_callers_wish()
    {
        var problem = await Assert.ThrowsAsync<ProblemException>(() => new FanOut(2, Patience).RunAsync<int>(
            1, (_, _) => Task.FromCanceled<int>(new CancellationToken(true)), (_, _) => { }, CancellationToken.None));
        Assert.Equal(ProblemCodes.ShardUnavailable, problem.Code);
    }
}
