using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <summary>
/// What every silo does beside answering: polls the generation, starts publishes that no activation works on, goes on removing deleted stores, and sweeps. Each step may run on several silos at once: every change is guarded by the storage.
/// </summary>
internal sealed partial class ClusterJobs(IGrainFactory grains, ICatalog catalog, StoreServices services, Sweeper sweeper, Generation generation, ClusterOptions options, TimeProvider clock, ISiloStatusOracle silo, ILogger<ClusterJobs> logger)
    : BackgroundService
{
    private static readonly TimeSpan JoinPause = TimeSpan.FromMilliseconds(50);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        RepeatAsync("polling the generation", options.GenerationPoll, generation.PollAsync, stoppingToken),
        RepeatAsync("resuming publishes", options.JobInterval, ResumeOnceJoinedAsync, stoppingToken),
        RepeatAsync("removing deleted stores", options.JobInterval, RemoveAsync, stoppingToken),
        RepeatAsync("sweeping", options.SweepInterval, sweeper.SweepAsync, stoppingToken));

    /// <summary>Services may be started before the silo has joined: then grains cannot be called yet, and what is to be resumed should not wait for another turn.</summary>
    private async Task ResumeOnceJoinedAsync(CancellationToken cancellationToken)
    {
        while (silo.CurrentStatus is SiloStatus.None or SiloStatus.Created or SiloStatus.Joining)
            await Task.Delay(JoinPause, clock, cancellationToken);
        await ResumeAsync(cancellationToken);
    }

    private async Task ResumeAsync(CancellationToken cancellationToken)
    {
        // Growth itself waits for it; what else is to be resumed does not.
        await TryAsync("ending the growth of releases of a copy that was put back", () => services.RestoredCopy().SettleAsync(cancellationToken));
        await foreach (var job in catalog.ListAsync(Documents.Job, "", cancellationToken))
        {
            await TryAsync($"resuming release {job.Value.Release} of store {job.Value.Incarnation}", () =>
                grains.GetGrain<ICoordinatorGrain>(GrainKey.Of(new StoreId(job.Value.Incarnation), job.Value.Release)).StartAsync()
                    .WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken));
        }
    }

    private async Task RemoveAsync(CancellationToken cancellationToken)
    {
        await foreach (var removal in catalog.ListAsync(Documents.Removal, "", cancellationToken))
            await TryAsync($"removing store {removal.Value.Incarnation}", () => services.Removal(new StoreId(removal.Value.Incarnation)).PurgeAsync(cancellationToken));
    }

    /// <summary>One job that fails does not keep the others from being looked at.</summary>
    private async Task TryAsync(string what, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e) when (e is ProblemException or StorageException)
        {
            LogFailure(what, Failures.Describe(e));
        }
    }

    private async Task RepeatAsync(string what, TimeSpan interval, Func<CancellationToken, Task> step, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        do
        {
            try
            {
                await step(cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogFailure(what, Failures.Describe(e));
            }
        }
        while (await WaitAsync(timer, cancellationToken));
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken cancellationToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "{What} failed and will be tried again: {Fault}")]
    private partial void LogFailure(string what, string fault);
}
