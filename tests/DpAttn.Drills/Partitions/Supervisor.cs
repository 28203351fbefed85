using DpAttn.LocalCluster;

namespace DpAttn.Drills.Partitions;

/// <summary>
/// Starts silos again that ended without being told to, as whatever keeps services running does: the engine ends a silo that finds itself declared dead. Of those that were not cut off it is
/// written down that they ended by themselves, which is a fault.
/// </summary>
/// <param name="load">Writes down what ended.</param>
/// <param name="silos">The silos.</param>
/// <param name="cutOff">Names of those that are cut off.</param>
/// <param name="log">Told of each.</param>
internal sealed class Supervisor(ClusterLoad load, IReadOnlyList<ClusterProcess> silos, IReadOnlyCollection<string> cutOff, Action<string> log)
{
    private const int MostStarts = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(silos.Select(silo => KeepAsync(silo, stop)));

    private async Task KeepAsync(ClusterProcess silo, CancellationToken stop)
    {
        for (var starts = 0; !stop.IsCancellationRequested && starts < MostStarts;)
        {
            await Task.Delay(Pause, CancellationToken.None);
            if (silo.EndedBy is not { } code || stop.IsCancellationRequested)
                continue;
            starts++;
            load.Add(cutOff.Contains(silo.Name) ? EndReason.CutOff : EndReason.ByItself, silo);
            log($"{DateTimeOffset.UtcNow:HH:mm:ss} {silo.Name} ended with {code} and is started again");
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
