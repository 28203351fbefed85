using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>
/// Asks all shards, a bounded number at a time, and takes their results as they arrive. One shard that fails or misses the deadline fails the
/// whole: a partial sum is never answered.
/// </summary>
internal sealed class FanOut(int window, TimeSpan deadline, TimedOperation? timed = null, string purpose = "")
{
    /// <summary>Asks shards 0 to <paramref name="shards"/> - 1.</summary>
    /// <inheritdoc cref="RunAsync{T}(IReadOnlyList{int}, Func{int, CancellationToken, Task{T}}, Action{int, T}, CancellationToken)"/>
    public Task RunAsync<T>(int shards, Func<int, CancellationToken, Task<T>> ask, Action<int, T> take, CancellationToken cancellationToken) =>
        RunAsync([.. Enumerable.Range(0, shards)], ask, take, cancellationToken);

    /// <summary>Asks some shards.</summary>
    /// <param name="shards">Which.</param>
    /// <param name="ask">Asks one.</param>
    /// <param name="take">Takes one's result, on the caller's scheduler, one at a time.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProblemException">shard_unavailable: the message names the shard.</exception>
    /// <exception cref="OperationCanceledException">Only if the caller gave up.</exception>
    public Task RunAsync<T>(IReadOnlyList<int> shards, Func<int, CancellationToken, Task<T>> ask, Action<int, T> take, CancellationToken cancellationToken) => timed is null
        ? AskAllAsync(shards, ask, take, cancellationToken)
        : timed.RunAsync(_ => AskAllAsync(shards, ask, take, cancellationToken), new KeyValuePair<string, object?>(Labels.Purpose, purpose));

    private async Task<bool> AskAllAsync<T>(IReadOnlyList<int> shards, Func<int, CancellationToken, Task<T>> ask, Action<int, T> take, CancellationToken cancellationToken)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // With the shard in the result: two tasks that are done with the same result may be one object.
        var running = new List<Task<(int Shard, T Result)>>();
        var next = 0;
        try
        {
            while (next < shards.Count || running.Count > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                while (next < shards.Count && running.Count < window)
                    running.Add(AskAsync(ask, shards[next++], stop.Token, cancellationToken));
                var done = await Task.WhenAny(running);
                running.Remove(done);
                var (shard, result) = await done;
                take(shard, result);
            }
        }
        catch
        {
            // What the others make of it follows from the first failure, which is the one to tell; theirs are observed so that none is reported as unhandled.
            foreach (var rest in running)
                _ = rest.ContinueWith(static task => task.Exception, TaskScheduler.Default);
            _ = StopAsync(stop);
            throw;
        }
        stop.Dispose();
        return true;
    }

    /// <summary>Tells all shards something that they have no answer to.</summary>
    /// <inheritdoc cref="RunAsync{T}(IReadOnlyList{int}, Func{int, CancellationToken, Task{T}}, Action{int, T}, CancellationToken)" path="/exception"/>
    public Task TellAsync(int shards, Func<int, CancellationToken, Task> tell, CancellationToken cancellationToken) => RunAsync(
        shards,
        async (shard, token) =>
        {
            await tell(shard, token);
            return true;
        },
        (_, _) => { },
        cancellationToken);

    private static async Task StopAsync(CancellationTokenSource stop)
    {
        try
        {
            await stop.CancelAsync();
        }
        catch (AggregateException)
        {
            // A shard's own trouble with being stopped.
        }
        finally
        {
            stop.Dispose();
        }
    }

    private async Task<(int Shard, T Result)> AskAsync<T>(Func<int, CancellationToken, Task<T>> ask, int shard, CancellationToken stop, CancellationToken caller)
    {
        try
        {
            return (shard, await ask(shard, stop).WaitAsync(deadline, stop));
        }
        catch (TimeoutException e)
        {
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"shard {shard} did not answer within {deadline.TotalSeconds:G3} s", e);
        }
        catch (OperationCanceledException) when (caller.IsCancellationRequested || stop.IsCancellationRequested)
        {
            throw;
        }
        catch (ProblemException e)
        {
            throw new ProblemException(e.Code, $"shard {shard}: {e.Message}", e);
        }
        catch (Exception e)
        {
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"shard {shard} failed", e);
        }
    }
}
