using System.Runtime.InteropServices;
using DpAttn.LocalCluster;
using DpAttn.PostgresServer;

const int Silos = 3, Fronts = 2;

if (LocalPostgres.Missing is { } missing)
{
    await Console.Error.WriteLineAsync($"no cluster can be started here: {missing}");
    return 1;
}
using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);

await Console.Out.WriteLineAsync($"starting PostgreSQL, {Silos} silos and {Fronts} fronts on loopback ...");
var isVerbose = args.Contains("--verbose");
var cluster = await Cluster.StartAsync(Silos, Fronts, line =>
{
    if (isVerbose || line.Contains("crit:", StringComparison.Ordinal) || line.Contains("fail:", StringComparison.Ordinal))
        Console.Error.WriteLine(line);
});
await using (cluster)
{
    await Console.Out.WriteLineAsync($"""
        ready; nothing of it is kept when it stops.
        export DPATTN_ENDPOINT={cluster.Fronts[0].Endpoint.GetLeftPart(UriPartial.Authority)}    # or {cluster.Fronts[1].Endpoint.GetLeftPart(UriPartial.Authority)}
        export DPATTN_API_KEY={cluster.OperatorKey}    # an operator's
        gateways: {string.Join(", ", cluster.Silos.Select(silo => silo.Gateway))}
        a front's certificate for them: {cluster.FrontCertificates}
        Ctrl-C stops it.
        """);
    try
    {
        await Task.Delay(Timeout.Infinite, stop.Token);
    }
    catch (OperationCanceledException)
    {
        await Console.Out.WriteLineAsync("stopping ...");
    }
    await cluster.StopAsync();
}
await Console.Out.WriteLineAsync("stopped.");
return 0;

void End(PosixSignalContext signal)
{
    // Once: a second Ctrl-C ends it at once, and the database with it.
    signal.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
}
