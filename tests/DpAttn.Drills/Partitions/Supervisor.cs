using DpAttn.LocalCluster;

namespace DpAttn.Drills.Partitions;

/// <summary>Starts silos again that ended by themselves, as whatever keeps services running does: the engine ends a silo that finds itself declared dead.</summary>
internal sealed class Supervisor(IReadOnlyList<ClusterProcess> silos, Action<string> log)
{
    private const int MostStarts = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(silos.Select(silo => KeepAsync(silo, stop)));

    private async Task KeepAsync(ClusterProcess silo, CancellationToken stop)
    {
        for (var starts = 0; !stop.IsCancellationRequested && starts < MostStarts;)
        {
            await Task.Delay(Pause, CancellationToken.None);
            if (silo.IsRunning || stop.IsCancellationRequested)
                continue;
            starts++;
            log($"{DateTimeOffset.UtcNow:HH:mm:ss} {silo.Name} ended by itself and is started again");
            try
            {
                await silo.StartAsync();
            }
            catch (InvalidOperationException e)
            {
                log($"{DateTimeOffset.UtcNow:HH:mm:ss} {e.Message.Split('\n')[0]}");
            }
        }
    }
}
