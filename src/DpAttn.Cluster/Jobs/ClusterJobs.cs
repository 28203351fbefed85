using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <summary>
/// What every silo does beside answering: polls the generation, starts publishes that no activation works on, and sweeps what was never committed or
/// belongs to deleted stores. Each step may run on several silos at once: every change is guarded by the storage.
/// </summary>
internal sealed partial class ClusterJobs(IGrainFactory grains, ICatalog catalog, StoreServices services, Sweeper sweeper, Generation generation, ClusterOptions options, TimeProvider clock, ILogger<ClusterJobs> logger)
    : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        RepeatAsync("polling the generation", options.GenerationPoll, generation.PollAsync, stoppingToken),
        RepeatAsync("resuming publishes", options.JobInterval, ResumeAsync, stoppingToken),
        RepeatAsync("sweeping", options.SweepInterval, sweeper.SweepAsync, stoppingToken));

    private async Task ResumeAsync(CancellationToken cancellationToken)
    {
        await foreach (var job in catalog.ListAsync(Documents.Job, "", cancellationToken))
        {
            var store = new StoreId(job.Value.Incarnation);
            if (await services.Catalog.ReadAsync(Documents.Store, store.Value, cancellationToken) is { Value.State: StoreDocument.Active })
                await grains.GetGrain<ICoordinatorGrain>(GrainKey.Of(store, job.Value.Release)).StartAsync().WithinAsync(options.CallDeadline, cancellationToken);
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
                LogFailure(e, what);
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

    [LoggerMessage(LogLevel.Warning, "{What} failed and will be tried again")]
    private partial void LogFailure(Exception exception, string what);
}
