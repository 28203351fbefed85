using System.Net;
using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

public class SmokeTests
{
    [Fact]
    public async Task It_starts_and_stops()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var stores = await server.Client.GetAsync("/v1/stores");
        Assert.Equal(HttpStatusCode.OK, stores.StatusCode);
        using var live = await server.Admin.GetAsync("/livez");
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }
}
