using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace DpAttn.Server;

/// <summary>
/// A silo that leaves tells the database so, and the engine gives each such change of the membership as long as a join may take. One that cannot be told is given up after a moment: the others notice that
/// it is gone, as they do after a crash.
/// </summary>
internal sealed class Leaving(IHostApplicationLifetime lifetime, IOptions<ClusterMembershipOptions> membership) : IHostedService
{
    // Long enough for another try when another silo was faster.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Read by the engine at each change; it joins no more.
        lifetime.ApplicationStopping.Register(() => membership.Value.MaxJoinAttemptTime = Patience);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
