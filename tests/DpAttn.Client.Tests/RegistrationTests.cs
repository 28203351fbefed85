using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Client.Tests;

public class RegistrationTests
{
    [Fact]
    public async Task The_client_is_one_for_all_and_goes_through_the_handlers_that_were_added()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Store()));
        var services = new ServiceCollection();
        services.AddDpAttention(Configure)
            .ConfigurePrimaryHttpMessageHandler(() => handler)
            .AddHttpMessageHandler(() => new Marker());
        using var provider = services.BuildServiceProvider(validateScopes: true);

        var client = provider.GetRequiredService<IDpAttentionClient>();
        Assert.Same(client, provider.GetRequiredService<IDpAttentionClient>());
        await client.GetStoreAsync("packages");

        Assert.Equal("https://attention.example.org/v1/stores/packages", handler.Only.Uri.AbsoluteUri);
        Assert.Equal("yes", handler.Only.Headers["X-Marked"]);
        Assert.Equal("Bearer dpk_1", handler.Only.Headers["Authorization"]);
    }

    [Fact]
    public void A_clients_own_fake_wins()
    {
        var fake = new DpAttentionClient(new DpAttentionOptions { Endpoint = new Uri("https://fake.test"), ApiKey = "x" });
        var services = new ServiceCollection();
        services.AddSingleton<IDpAttentionClient>(fake);
        services.AddDpAttention(Configure);
        using var provider = services.BuildServiceProvider();
        Assert.Same(fake, provider.GetRequiredService<IDpAttentionClient>());
    }

    [Fact]
    public void Settings_of_two_registrations_add_up()
    {
        var services = new ServiceCollection();
        services.AddDpAttention(o => o.Endpoint = new Uri("https://attention.example.org"));
        services.AddDpAttention(o => o.ApiKey = "dpk_1");
        using var provider = services.BuildServiceProvider();
        Assert.NotNull(provider.GetRequiredService<IDpAttentionClient>());
    }

    [Fact]
    public void The_handler_behind_it_follows_no_redirects_and_keeps_no_cookies()
    {
        using var handler = Internal.Handlers.Create();
        Assert.False(handler.AllowAutoRedirect);
        Assert.False(handler.UseCookies);
        Assert.InRange(handler.PooledConnectionLifetime, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(15));
    }

    private static void Configure(DpAttentionOptions options) =>
        (options.Endpoint, options.ApiKey) = (new Uri("https://attention.example.org"), "dpk_1");

    private sealed class Marker : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Add("X-Marked", "yes");
            return base.SendAsync(request, cancellationToken);
        }
    }
}
