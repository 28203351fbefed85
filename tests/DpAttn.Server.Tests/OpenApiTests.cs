using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;
using DpAttn.Server.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace DpAttn.Server.Tests;

public sealed partial class OpenApiTests
{
    private static async Task<(string Text, JsonNode Document)> ReadAsync(ServerUnderTest server)
    {
        var text = await server.Client.GetAsync("/openapi/v1.json").TextAsync();
        return (text, JsonNode.Parse(text)!);
    }

    [Fact]
    public async Task The_document_is_valid_openapi_3_1()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (text, document) = await ReadAsync(server);
        Assert.StartsWith("3.1", document["openapi"]!.GetValue<string>(), StringComparison.Ordinal);
        var read = OpenApiDocument.Parse(text, "json");
        Assert.Empty(read.Diagnostic!.Errors);
        Assert.Empty(read.Diagnostic.Warnings);
    }

    [Fact]
    public async Task Every_route_is_in_the_document_and_nothing_else()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (_, document) = await ReadAsync(server);
        var mapped = server.App.Services.GetRequiredService<IEnumerable<EndpointDataSource>>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText!.StartsWith("/v1/", StringComparison.Ordinal))
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method.ToLowerInvariant()} {endpoint.RoutePattern.RawText}"));
        var documented = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key} {path.Key}"));
        Assert.Equal(mapped.Order(), documented.Order());
    }

    [Fact]
    public async Task Every_operation_says_what_it_does_takes_gives_and_refuses()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (_, document) = await ReadAsync(server);
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in item!.AsObject())
            {
                var name = $"{method} {path}";
                Assert.False(string.IsNullOrEmpty(operation!["summary"]?.GetValue<string>()), name);
                Assert.False(string.IsNullOrEmpty(operation["description"]?.GetValue<string>()), name);
                Assert.False(string.IsNullOrEmpty(operation["operationId"]?.GetValue<string>()), name);
                foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
                    Assert.False(string.IsNullOrEmpty(parameter!["description"]?.GetValue<string>()), $"{name}: {parameter["name"]}");
                var responses = operation["responses"]!.AsObject();
                Assert.Contains(responses, response => response.Key[0] == '2');
                foreach (var code in ApiDocument.CommonProblems)
                    Assert.Contains(code + ":", responses[ProblemTable.Of(code).Status.ToString()]!["description"]!.GetValue<string>());
                foreach (var (_, response) in responses.Where(response => response.Key[0] != '2'))
                    Assert.Equal("#/components/schemas/Problem", response!["content"]!["application/problem+json"]!["schema"]!["$ref"]!.GetValue<string>());
                Assert.Equal(method is "put" or "post", operation["requestBody"] is not null);
                Assert.Null(operation["requestBody"]?["content"]?["*/*"]);
            }
        }
    }

    [Fact]
    public async Task Every_reference_leads_somewhere_and_every_member_is_explained()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (text, document) = await ReadAsync(server);
        var schemas = document["components"]!["schemas"]!.AsObject();
        var references = Reference().Matches(text).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.True(references.Count > 20);
        Assert.Subset(schemas.Select(schema => schema.Key).ToHashSet(), references);
        foreach (var (name, schema) in schemas)
        {
            Assert.True(schema!["description"] is not null, name);
            foreach (var (member, description) in schema["properties"]?.AsObject() ?? [])
                Assert.True(description!["description"] is not null || description["$ref"] is not null || description["oneOf"] is not null, $"{name}.{member}");
        }
        // A number is a number, not a text of one.
        Assert.Equal("\"number\"", schemas[nameof(LimitRequest)]!["properties"]!["epsilon"]!["type"]!.ToJsonString());
    }

    [Fact]
    public async Task Either_way_to_send_a_key_is_a_security_scheme()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (_, document) = await ReadAsync(server);
        var schemes = document["components"]!["securitySchemes"]!.AsObject().Select(scheme => scheme.Value!).ToList();
        Assert.Contains(schemes, scheme => scheme["type"]!.GetValue<string>() == "http" && scheme["scheme"]!.GetValue<string>() == "bearer");
        Assert.Contains(schemes, scheme => scheme["type"]!.GetValue<string>() == "apiKey" && scheme["name"]!.GetValue<string>() == "X-Api-Key");
        Assert.Equal(2, document["security"]!.AsArray().Count);
    }

    [Fact]
    public async Task Attend_and_rows_name_every_form_they_take_and_give()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var (_, document) = await ReadAsync(server);
        var attend = document["paths"]!["/v1/stores/{store}/attend"]!["post"]!;
        Assert.Equal(["application/json", "application/x-npy"], attend["requestBody"]!["content"]!.AsObject().Select(form => form.Key));
        Assert.Equal(["application/json", "application/x-npy", "application/x-npz"], attend["responses"]!["200"]!["content"]!.AsObject().Select(form => form.Key));
        Assert.Contains("Privacy-Epsilon-Charged", attend["responses"]!["200"]!["headers"]!.AsObject().Select(header => header.Key));
        foreach (var name in new[] { "maxEpsilon", "rowsFrom", "rowsTo" })
            Assert.Contains(attend["parameters"]!.AsArray(), parameter => parameter!["name"]!.GetValue<string>() == name);
        var rows = document["paths"]!["/v1/stores/{store}/rows"]!["post"]!;
        Assert.Equal(["multipart/form-data", "application/x-npz", "application/zip", "application/x-ndjson"], rows["requestBody"]!["content"]!.AsObject().Select(form => form.Key));
        Assert.Contains(rows["parameters"]!.AsArray(), parameter => parameter!["name"]!.GetValue<string>() == "Idempotency-Key" && parameter["required"]!.GetValue<bool>());
    }

    [Fact]
    public async Task The_reference_page_is_served_from_here_and_may_fetch_from_nowhere_else()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.GetAsync("/docs/");
        var page = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.DoesNotMatch("https?://|src=\"//", page);
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy);
        var scripts = Script().Matches(page).Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(scripts);
        foreach (var script in scripts)
        {
            using var asset = await server.Client.GetAsync("/docs/" + script);
            Assert.Equal(HttpStatusCode.OK, asset.StatusCode);
            Assert.Contains("javascript", asset.Content.Headers.ContentType!.MediaType);
            Assert.True((await asset.Content.ReadAsByteArrayAsync()).Length > 100);
        }
        Assert.Contains("openapi/v1.json", page);
    }

    [GeneratedRegex("\"#/components/schemas/([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("src=\"([^\"]+)\"")]
    private static partial Regex Script();
}
