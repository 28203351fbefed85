using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using DpAttn.Server.Http;
using DpAttn.Server.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Server.Tests;

/// <summary>The page that people read says what the code does.</summary>
public sealed partial class ReadmeTests
{
    private static string[] Lines([CallerFilePath] string here = "") =>
        File.ReadAllLines(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "src", "DpAttn.Server", "README.md"));

    /// <summary>The cells of a section's table, without its head.</summary>
    internal static List<string[]> Table(string section) =>
        [.. Lines().SkipWhile(line => line != "## " + section).Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith('|')).Skip(2).Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim().Trim('`')).ToArray())];

    [Fact]
    public void Settings_are_those_of_the_options_with_their_defaults_and_bounds()
    {
        var defaults = new ServerOptions();
        var expected = SettingsReader.Properties(typeof(ServerOptions)).Select(property => (
            property.Name,
            Convert.ToString(property.GetValue(defaults), CultureInfo.InvariantCulture)!,
            property.GetCustomAttribute<RangeAttribute>() is { } range ? $"{range.Minimum} to {range.Maximum}"
                : property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed ? string.Join("` or `", allowed.Values) : ""));
        Assert.Equal(expected, Table("Settings").Select(row => (row[0], row[1], row[2])));
        Assert.All(Table("Settings"), row => Assert.NotEmpty(row[3]));
    }

    [Fact]
    public void Problems_are_those_of_the_table() =>
        Assert.Equal(
            ProblemTable.All.Select(kind => (kind.Code, $"{kind.Status}", kind.IsRetryable ? "yes" : "no", $"{kind.RetryAfterSeconds}")),
            Table("Problems").Select(row => (row[0], row[1], row[2], row[3])));

    [Fact]
    public async Task Routes_are_those_that_are_mapped()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var mapped = server.App.Services.GetRequiredService<IEnumerable<EndpointDataSource>>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText!.StartsWith("/v1/", StringComparison.Ordinal))
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {endpoint.RoutePattern.RawText}"));
        var documented = new List<string>();
        foreach (var row in Table("Routes"))
        {
            var path = "";
            var methods = new List<string>();
            foreach (Match match in Call().Matches(row[0].Replace("`", "", StringComparison.Ordinal)))
            {
                methods.Add(match.Groups[1].Value);
                if (match.Groups[2].Value is not { Length: > 0 } stated)
                    continue;
                path = stated.StartsWith("...", StringComparison.Ordinal) ? "/v1/stores/{store}" + stated[3..] : stated;
                documented.AddRange(methods.Select(method => $"{method} {path}"));
                methods.Clear();
            }
        }
        Assert.Equal(mapped.Order(), documented.Where(call => call.Contains("/v1/", StringComparison.Ordinal) && !call.Contains("/openapi/", StringComparison.Ordinal)).Order());
    }

    // A method and its path up to a query; methods that share a path stand before it.
    [GeneratedRegex(@"(GET|PUT|POST|DELETE)(?:,| ([^\s,?]+))")]
    private static partial Regex Call();
}
