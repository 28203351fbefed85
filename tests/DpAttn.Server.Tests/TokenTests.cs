using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Cluster.Tests.Access;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols;

namespace DpAttn.Server.Tests;

/// <summary>Tokens of an OpenID Connect issuer through a whole server: statuses, roles and budgets.</summary>
public sealed class TokenTests : IAsyncLifetime
{
    private const string Store = "s";
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-tokens-");
    private readonly TestIssuer _issuer = new();
    private readonly HttpClient _http = new();
    private WebApplication _server = null!;

    private static DateTimeOffset Now => DateTimeOffset.UtcNow;

    public async ValueTask InitializeAsync()
    {
        var options = new ServerOptions
        {
            DataDirectory = Path.Combine(_directory.FullName, "data"),
            Listen = "http://127.0.0.1:0",
            AdminListen = "",
            JwtAuthority = TestIssuer.Authority,
            JwtAudience = TestIssuer.Audience,
        };
        _server = DpAttnServer.Build(options, builder =>
        {
            builder.Logging.ClearProviders();
            EmbeddedCluster.Add(builder, options, _ => { });
            builder.Services.AddSingleton<IDocumentRetriever>(_issuer);
        });
        await _server.StartAsync();
        _http.BaseAddress = _server.Services.GetRequiredService<ServerAddresses>().Api[0];
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
        _issuer.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task What_is_no_valid_token_is_401_with_a_challenge()
    {
        var parts = _issuer.Token(Now).Split('.');
        (string? Token, string Detail)[] bad =
        [
            (null, "a credential is needed"),
            (_issuer.Token(Now, from: TimeSpan.FromHours(-2), to: TimeSpan.FromHours(-1)), "the token has expired"),
            (_issuer.Token(Now, from: TimeSpan.FromHours(1), to: TimeSpan.FromHours(2)), "the token is not valid yet"),
            (_issuer.Token(Now, audience: "other"), "the token is for another audience"),
            (_issuer.Token(Now, issuer: "https://other.example.org"), "the token is of another issuer"),
            (TestIssuer.Unsigned("{\"alg\":\"none\"}", "{}"), "this is no valid token"),
            ($"{parts[0]}.{parts[1]}.{new string('A', parts[2].Length)}", "this is no valid token"),
        ];
        foreach (var (token, detail) in bad)
        {
            using var response = await SendAsync(token, HttpMethod.Get, "/v1/stores");
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.StartsWith("Bearer", response.Headers.WwwAuthenticate.ToString());
            Assert.Contains(detail, await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A_token_without_a_role_here_is_403()
    {
        foreach (var roles in (string[])["other", "", "dpattn-owner dpattn-user"])
        {
            using var response = await SendAsync(_issuer.Token(Now, roles: roles), HttpMethod.Get, "/v1/stores");
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_tokens_subject_has_its_own_budget_and_sees_nobody_elses()
    {
        var owner = _issuer.Token(Now, subject: "grace", roles: "dpattn-owner");
        using var sdk = new DpAttentionClient(new DpAttentionOptions { Endpoint = _http.BaseAddress, CredentialProvider = _ => new(owner) });
        await sdk.EnsureStoreAsync(Store, new StoreDefinition
        {
            KeyDimension = 2,
            ValueDimension = 1,
            Keys = new RegionBound(Ball: new BallBound(1)),
            Values = new ValueBoundStatement(Entry: 1),
            Ladder = [0.5],
            Limit = 1,
            Delta = 1e-6,
            Capacity = 100,
            Shards = 1,
        });
        var ada = (await sdk.GrantAsync(Store, new AccountLookup("ada", TestIssuer.Authority), 0.5)).Account;
        Assert.Equal(ada, await AccountAsync(owner, "ada"));
        // A subject of keys is another, and this one has none.
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<DpAttentionException>(() => sdk.GrantAsync(Store, "ada", 0.5))).Code);

        // The account that was granted before its first token is the token's; a user is no owner, and bob is nobody here.
        Assert.Equal(200, await StatusAsync(_issuer.Token(Now), "/v1/stores/s/budgets/me"));
        Assert.Equal(403, await StatusAsync(_issuer.Token(Now), $"/v1/stores/s/budgets/{ada}"));
        Assert.Equal(403, await StatusAsync(_issuer.Token(Now), "/v1/stores/s/budgets"));
        Assert.Equal(404, await StatusAsync(_issuer.Token(Now, subject: "bob"), "/v1/stores/s/budgets/me"));
        Assert.Equal(404, await StatusAsync(_issuer.Token(Now, subject: "bob"), $"/v1/stores/s/budgets/{ada}"));
        Assert.Equal(404, await StatusAsync(_issuer.Token(Now, subject: "eve", roles: "dpattn-owner"), $"/v1/stores/s/budgets/{ada}"));
        Assert.Equal(403, await StatusAsync(_issuer.Token(Now), "/v1/audit"));
        using var lookup = await SendAsync(_issuer.Token(Now), HttpMethod.Post, "/v1/accounts/lookup", $"{{\"subject\": \"bob\", \"issuer\": \"{TestIssuer.Authority}\"}}");
        Assert.Equal(HttpStatusCode.Forbidden, lookup.StatusCode);
    }

    private async Task<string> AccountAsync(string owner, string subject)
    {
        using var response = await SendAsync(owner, HttpMethod.Post, "/v1/accounts/lookup", $"{{\"subject\": \"{subject}\", \"issuer\": \"{TestIssuer.Authority}\"}}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("account").GetString()!;
    }

    private async Task<int> StatusAsync(string token, string path)
    {
        using var response = await SendAsync(token, HttpMethod.Get, path);
        return (int)response.StatusCode;
    }

    private async Task<HttpResponseMessage> SendAsync(string? token, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : Responses.JsonBody(body) };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        return await _http.SendAsync(request);
    }
}
