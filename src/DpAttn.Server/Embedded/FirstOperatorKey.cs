using DpAttn.Cluster;

namespace DpAttn.Server;

/// <summary>Makes the first operator key and shows it once. It never reaches a log.</summary>
internal sealed class FirstOperatorKey(IOperatorKeys keys, Action<string> show) : IHostedService
{
    public static void ShowOnConsole(string key)
    {
        Console.Out.WriteLine("The first operator key, shown this once (lost? see 'dpattn key recover'):");
        Console.Out.WriteLine(key);
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await keys.BootstrapAsync(cancellationToken) is { } key)
            show(key);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
