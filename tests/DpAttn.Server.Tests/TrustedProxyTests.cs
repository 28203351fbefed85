using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

/// <summary>Limits by address behind proxies, and against callers who only say that they are behind one. Alone, as one test sets the environment of the process.</summary>
[Collection(nameof(SettingsTests))]
public sealed class TrustedProxyTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.0/8;::1")]
    public async Task Callers_behind_a_trusted_proxy_are_counted_each_for_itself(string proxies)
    {
        await using var server = await StartAsync(proxies);
        Assert.Equal((int[])[401, 401, 429], (int[])[await FailAsync(server, "203.0.113.7"), await FailAsync(server, "203.0.113.7"), await FailAsync(server, "203.0.113.7")]);
        Assert.Equal(401, await FailAsync(server, "203.0.113.8"));
        // What stands before the last hop is the caller's own word.
        Assert.Equal(429, await FailAsync(server, "198.51.100.1, 203.0.113.7"));
        // A chain of trusted hops leads to who stands before it.
        Assert.Equal(429, await FailAsync(server, "203.0.113.7, 127.0.0.1"));
        Assert.Equal(401, await FailAsync(server, "no address"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.0/8")]
    public async Task Who_is_no_trusted_proxy_cannot_say_that_it_is_another(string proxies)
    {
        Environment.SetEnvironmentVariable("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true");
        try
        {
            await using var server = await StartAsync(proxies);
            Assert.Equal((int[])[401, 401, 429, 429], (int[])[await FailAsync(server, "203.0.113.1"), await FailAsync(server, "203.0.113.2"), await FailAsync(server, "203.0.113.3"), await FailAsync(server, null)]);
        }
        finally
        {
            Environment.SetEnvironmentVariable("ASPNETCORE_FORWARDEDHEADERS_ENABLED", null);
        }
    }

    private static Task<ServerUnderTest> StartAsync(string proxies) =>
        ServerUnderTest.StartAsync(options => (options.TrustedProxies, options.AuthFailuresPerMinute, options.AuthFailureBurst) = (proxies, 1, 2));

    private static async Task<int> FailAsync(ServerUnderTest server, string? forwardedFor)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores");
        if (forwardedFor is not null)
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwardedFor);
        using var response = await server.Anonymous.SendAsync(request);
        return (int)response.StatusCode;
    }
}
