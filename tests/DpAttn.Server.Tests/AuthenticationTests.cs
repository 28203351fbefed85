using System.Net;
using System.Net.Http.Headers;
using System.Text;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Server.Tests;

public sealed class AuthenticationTests
{
    [Fact]
    public async Task No_endpoint_answers_without_a_credential_but_health_on_the_admin_listener()
    {
        await using var server = await ServerUnderTest.StartAsync(map: app => app.MapGet("/v1/added", () => "added later"));
        var endpoints = server.App.Services.GetRequiredService<IEnumerable<EndpointDataSource>>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().ToList();
        Assert.True(endpoints.Count > 25);
        foreach (var endpoint in endpoints)
        {
            var path = "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part =>
                part is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal ? literal.Content
                : part is Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "documentName" } ? "v1"
                : part is Microsoft.AspNetCore.Routing.Patterns.RoutePatternSeparatorPart separator ? separator.Content : "x"))));
            foreach (var method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"])
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = Responses.JsonBody("{}") };
                using var response = await server.Anonymous.SendAsync(request);
                Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{method} {path} answered {(int)response.StatusCode} without a credential");
                Assert.NotEmpty(response.Headers.WwwAuthenticate);

                var isHealth = endpoint.Metadata.GetMetadata<AdminOnly>() is not null;
                Assert.Equal(isHealth, path is "/livez" or "/readyz" or "/metrics");
                using var adminRequest = new HttpRequestMessage(new HttpMethod(method), path) { Content = Responses.JsonBody("{}") };
                using var adminResponse = await server.Admin.SendAsync(adminRequest);
                Assert.Equal(isHealth ? HttpStatusCode.OK : HttpStatusCode.NotFound, adminResponse.StatusCode);
            }
        }
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v2/anything")]
    [InlineData("/livez")]
    public async Task Even_what_is_not_there_is_told_to_callers_with_a_key_only(string path)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await server.Anonymous.GetAsync(path).ProblemAsync(ProblemCodes.Unauthenticated);
        await server.Client.GetAsync(path).ProblemAsync(ProblemCodes.NotFound);
    }

    [Fact]
    public async Task A_key_is_taken_from_either_header_and_checked_once_per_request()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await server.Client.GetAsync("/v1/stores/s").OkAsync<StoreDescription>();
        Assert.Equal(1, server.Door.Authentications);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores/s") { Headers = { { "X-Api-Key", FakeFrontDoor.Key } } };
        await server.Anonymous.SendAsync(request).OkAsync<StoreDescription>();
        Assert.Equal(2, server.Door.Authentications);
        Assert.All(server.Door.Calls, call => Assert.Same(server.Door.Principal, call.Arguments[0]));
    }

    [Theory]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer ")]
    [InlineData("bearer")]
    [InlineData("Basic dXNlcjpkcGtfdGVzdF8zYjFmNWM=")]
    [InlineData("Negotiate abc")]
    public async Task A_wrong_credential_is_refused_with_a_challenge(string authorization)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores/s");
        request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var response = await server.Anonymous.SendAsync(request);
        Assert.Equal("Bearer realm=\"dpattn\", error=\"invalid_token\"", response.Headers.WwwAuthenticate.ToString());
        await Task.FromResult(response).ProblemAsync(ProblemCodes.Unauthenticated);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Without_a_credential_the_challenge_names_no_error()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Anonymous.GetAsync("/v1/stores/s");
        Assert.Equal("Bearer realm=\"dpattn\"", response.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task A_credential_longer_than_any_key_is_refused_before_it_is_looked_up()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores/s") { Headers = { { "X-Api-Key", new string('k', Credential.LongestLength + 1) } } };
        await server.Anonymous.SendAsync(request).ProblemAsync(ProblemCodes.Unauthenticated);
        Assert.Equal(0, server.Door.Authentications);
    }

    [Fact]
    public async Task Two_credentials_are_refused()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/stores/s") { Headers = { { "X-Api-Key", FakeFrontDoor.Key } } };
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Equal(0, server.Door.Authentications);
    }

    [Theory]
    [InlineData("/openapi/v1.json", "application/json")]
    [InlineData("/docs/", "text/html")]
    public async Task Pages_for_browsers_take_the_key_from_a_password_dialogue_too(string path, string mediaType)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var asked = await server.Anonymous.GetAsync(path);
        Assert.Equal(HttpStatusCode.Unauthorized, asked.StatusCode);
        Assert.Equal("Basic", asked.Headers.WwwAuthenticate.Single().Scheme);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("anybody:" + FakeFrontDoor.Key)));
        using var response = await server.Anonymous.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.StartsWith(mediaType, response.Content.Headers.ContentType!.MediaType, StringComparison.Ordinal);
        using var wrong = new HttpRequestMessage(HttpMethod.Get, path);
        wrong.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("anybody:wrong")));
        using var refused = await server.Anonymous.SendAsync(wrong);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    [Fact]
    public async Task A_ledger_that_cannot_authenticate_closes_the_door()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.AuthenticateAsync), new InvalidOperationException("no catalog"));
        await server.Client.GetAsync("/v1/stores").ProblemAsync(ProblemCodes.InternalError);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Readiness_follows_the_cluster_and_liveness_does_not()
    {
        await using var server = await ServerUnderTest.StartAsync();
        Assert.Equal("ok\n", await server.Admin.GetAsync("/readyz").TextAsync());
        server.Door.IsReady = () => false;
        Assert.Equal("not ready\n", await server.Admin.GetAsync("/readyz").TextAsync(HttpStatusCode.ServiceUnavailable));
        server.Door.IsReady = () => throw new InvalidOperationException("the catalog is gone");
        Assert.Equal("not ready\n", await server.Admin.GetAsync("/readyz").TextAsync(HttpStatusCode.ServiceUnavailable));
        Assert.Equal("ok\n", await server.Admin.GetAsync("/livez").TextAsync());
    }
}
