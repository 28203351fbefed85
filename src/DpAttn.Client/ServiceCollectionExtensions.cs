using DpAttn.Client.Internal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace DpAttn.Client;

/// <summary>Registers the client.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>The name of the HttpClient behind the client.</summary>
    public const string HttpClientName = "DpAttn";

    /// <summary>
    /// Registers <see cref="IDpAttentionClient"/> as a singleton over the HttpClient factory. Options are validated when the host starts, or
    /// when the client is first asked for.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">States the endpoint and the credential.</param>
    /// <returns>The HttpClient behind it, for handlers of one's own. Further resilience handlers are not needed: the client retries by itself.</returns>
    public static IHttpClientBuilder AddDpAttention(this IServiceCollection services, Action<DpAttentionOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DpAttentionOptions>, OptionsValidator>());
        services.AddOptions<DpAttentionOptions>().Configure(configure).ValidateOnStart();
        services.TryAddSingleton<IDpAttentionClient>(static provider => new DpAttentionClient(
            provider.GetRequiredService<IOptions<DpAttentionOptions>>().Value.Copy(),
            new FactorySource(provider.GetRequiredService<IHttpClientFactory>(), HttpClientName)));
        return services.AddHttpClient(HttpClientName)
            .ConfigureHttpClient(static http => http.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(static () => Handlers.Create())
            .RedactLoggedHeaders(static _ => true);
    }
}
