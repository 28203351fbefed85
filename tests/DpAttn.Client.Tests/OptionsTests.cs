using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace DpAttn.Client.Tests;

public class OptionsTests
{
    public static TheoryData<string, string> Impossible => new()
    {
        { nameof(DpAttentionOptions.Endpoint), "Endpoint is missing" },
        { "relative", "Endpoint must be an absolute http or https address" },
        { "ftp", "Endpoint must be an absolute http or https address" },
        { "user", "Endpoint must not hold a user, a query or a fragment" },
        { "query", "Endpoint must not hold a user, a query or a fragment" },
        { "plain", "Endpoint http://attention.example.org is http and not this machine, so the credential would travel unencrypted; use https, or set AllowPlainHttp" },
        { nameof(DpAttentionOptions.ApiKey), "ApiKey is missing (or set CredentialProvider)" },
        { "key with a line break", "ApiKey must be at most 16384 printable ASCII characters without spaces" },
        { "both credentials", "ApiKey and CredentialProvider are both set; set one of them" },
        { nameof(DpAttentionOptions.Timeout), "Timeout must be above 0 and at most 1 h, not 00:00:00" },
        { nameof(DpAttentionOptions.MaxRetries), "MaxRetries must be from 0 to 20, not 21" },
        { nameof(DpAttentionOptions.RetryDelay), "RetryDelay must be above 0 and at most 1 h, not -00:00:01" },
        { nameof(DpAttentionOptions.MaxRetryDelay), "MaxRetryDelay must be at least RetryDelay (00:00:00.2500000) and at most 1 h, not 00:00:00.1000000" },
        { nameof(DpAttentionOptions.MaxRetryAfter), "MaxRetryAfter must be from 0 to 1 h, not 02:00:00" },
        { nameof(DpAttentionOptions.BatchBytes), "BatchBytes must be from 1024 to 67108864, not 1" },
        { nameof(DpAttentionOptions.BatchRows), "BatchRows must be at least 1, not 0" },
        { nameof(DpAttentionOptions.UploadsInFlight), "UploadsInFlight must be from 1 to 16, not 17" },
        { nameof(DpAttentionOptions.MaxResponseBytes), "MaxResponseBytes must be at least 65536, not 10" },
        { nameof(DpAttentionOptions.PublishPollDelay), "PublishPollDelay must be from 10 ms to 1 h, not 00:00:00" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void An_impossible_option_is_refused_by_name_by_every_way_to_a_client(string fault, string message)
    {
        var options = Valid();
        Break(options, fault);
        var own = Assert.Throws<ArgumentException>(() => new DpAttentionClient(options));
        Assert.Contains(message, own.Message);
        using var http = new HttpClient();
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new DpAttentionClient(http, options)).Message);

        var services = new ServiceCollection();
        services.AddDpAttention(o =>
        {
            Assert.NotNull(o);
            (o.Endpoint, o.ApiKey) = (Valid().Endpoint, Valid().ApiKey);
            Break(o, fault);
        });
        using var provider = services.BuildServiceProvider();
        var injected = Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IDpAttentionClient>);
        Assert.Contains(message, injected.Message);
        Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IStartupValidator>().Validate);
        Assert.DoesNotContain("SECRET", own.Message + injected.Message);
    }

    [Theory]
    [InlineData("http://localhost:8080")]
    [InlineData("http://127.0.0.1:8080/x")]
    [InlineData("http://[::1]:8080")]
    [InlineData("https://attention.example.org/path")]
    public void These_endpoints_are_fine(string endpoint)
    {
        var options = Valid();
        options.Endpoint = new Uri(endpoint);
        new DpAttentionClient(options).Dispose();
    }

    [Fact]
    public void Plain_http_can_be_allowed()
    {
        var options = Valid();
        (options.Endpoint, options.AllowPlainHttp) = (new Uri("http://attention.example.org"), true);
        new DpAttentionClient(options).Dispose();
    }

    [Fact]
    public async Task Options_are_read_once()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Store()));
        using var http = new HttpClient(handler);
        var options = Valid();
        using var client = new DpAttentionClient(http, options);
        (options.Endpoint, options.ApiKey) = (new Uri("https://elsewhere.test"), "other");
        await client.GetStoreAsync("packages");
        Assert.Equal("https://attention.example.org/v1/stores/packages", handler.Only.Uri.AbsoluteUri);
        Assert.Equal("Bearer dpk_SECRET", handler.Only.Headers["Authorization"]);
    }

    [Fact]
    public async Task A_client_does_not_dispose_what_it_was_given()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Store()));
        using var http = new HttpClient(handler);
        new DpAttentionClient(http, Valid()).Dispose();
        using var again = new DpAttentionClient(http, Valid());
        await again.GetStoreAsync("packages");
    }

    [Fact]
    public async Task A_provider_that_gives_no_credential_fails_without_repeating_it()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Store()));
        using var test = new TestClient(handler, o => (o.ApiKey, o.CredentialProvider) = (null, _ => ValueTask.FromResult("SECRET with\nline")));
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        Assert.Contains("CredentialProvider", failure.Message);
        Assert.DoesNotContain("SECRET", failure.ToString());
        Assert.Empty(handler.Sent);
    }

    private static DpAttentionOptions Valid() => new() { Endpoint = new Uri("https://attention.example.org"), ApiKey = "dpk_SECRET" };

    private static void Break(DpAttentionOptions o, string fault)
    {
        switch (fault)
        {
            case nameof(o.Endpoint): o.Endpoint = null; break;
            case "relative": o.Endpoint = new Uri("/v1", UriKind.Relative); break;
            case "ftp": o.Endpoint = new Uri("ftp://attention.example.org"); break;
            case "user": o.Endpoint = new Uri("https://me:SECRET@attention.example.org"); break;
            case "query": o.Endpoint = new Uri("https://attention.example.org?key=SECRET"); break;
            case "plain": o.Endpoint = new Uri("http://attention.example.org/x"); break;
            case nameof(o.ApiKey): o.ApiKey = ""; break;
            case "key with a line break": o.ApiKey = "SECRET\r\nX-Header: 1"; break;
            case "both credentials": o.CredentialProvider = _ => ValueTask.FromResult("x"); break;
            case nameof(o.Timeout): o.Timeout = TimeSpan.Zero; break;
            case nameof(o.MaxRetries): o.MaxRetries = 21; break;
            case nameof(o.RetryDelay): o.RetryDelay = TimeSpan.FromSeconds(-1); break;
            case nameof(o.MaxRetryDelay): o.MaxRetryDelay = TimeSpan.FromMilliseconds(100); break;
            case nameof(o.MaxRetryAfter): o.MaxRetryAfter = TimeSpan.FromHours(2); break;
            case nameof(o.BatchBytes): o.BatchBytes = 1; break;
            case nameof(o.BatchRows): o.BatchRows = 0; break;
            case nameof(o.UploadsInFlight): o.UploadsInFlight = 17; break;
            case nameof(o.MaxResponseBytes): o.MaxResponseBytes = 10; break;
            case nameof(o.PublishPollDelay): o.PublishPollDelay = TimeSpan.Zero; break;
            default: throw new ArgumentException(fault);
        }
    }
}
