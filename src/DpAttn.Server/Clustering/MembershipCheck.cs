namespace DpAttn.Server;

/// <summary>Ends the start of a process whose database does not have the tables of the membership.</summary>
internal sealed class MembershipCheck(ServerOptions options) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => MembershipSchema.RequireCurrentAsync(options.PostgresConnection);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
