using DpAttn.Client.Internal;
using DpAttn.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DpAttn.Client;

/// <summary>Registers the client over gateways.</summary>
public static class ClusterServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IDpAttentionClient"/> as a singleton over the gateways of a cluster, for web front ends inside the trusted network. It connects when the host starts, in the background, and again
    /// after every loss; until it has, calls are refused as <c>shard_unavailable</c> and retried.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">States where the cluster is, and whose credential is carried.</param>
    /// <exception cref="ArgumentException">When the client is first asked for, or the host starts: an option is missing or impossible; the message names it.</exception>
    public static IServiceCollection AddDpAttentionCluster(this IServiceCollection services, Action<IServiceProvider, DpAttentionClusterOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddSingleton(provider =>
        {
            var options = new DpAttentionClusterOptions();
            configure(provider, options);
            return ClusterSettings.Of(options);
        });
        services.TryAddSingleton(provider => new GatewayConnection(provider.GetRequiredService<ClusterSettings>().Gateway, provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance));
        services.TryAddSingleton<IDpAttentionClient>(provider =>
        {
            var settings = provider.GetRequiredService<ClusterSettings>();
            var connection = provider.GetRequiredService<GatewayConnection>();
            connection.Start();
            return new ClusterDpAttentionClient(settings, new DoorClient(connection, settings.Gateway.CallDeadline));
        });
        return services.AddHostedService<Connecting>();
    }

    /// <inheritdoc cref="AddDpAttentionCluster(IServiceCollection, Action{IServiceProvider, DpAttentionClusterOptions})"/>
    public static IServiceCollection AddDpAttentionCluster(this IServiceCollection services, Action<DpAttentionClusterOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddDpAttentionCluster((_, options) => configure(options));
    }

    private sealed class Connecting(GatewayConnection connection) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            connection.Start();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
