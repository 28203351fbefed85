using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace DpAttn.Packages.Tests;

/// <summary>A user's first hour: the tool and the packages are installed from a folder, and the READMEs' examples are compiled and run.</summary>
public sealed class FreshProjectTests(PackedPackages packages)
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_SDKs_example_runs_against_a_server_of_the_tool()
    {
        var dotnet = new Dotnet(packages.FolderOf("sdk"));
        await dotnet.RunAsync("dotnet", ["tool", "install", "dpattn", "--tool-path", "tool", "--add-source", packages.Feed, "--version", packages.Version]);
        var tool = Path.Combine(packages.FolderOf("sdk"), "tool", "dpattn");
        await WriteProjectAsync("sdk", "Microsoft.NET.Sdk", SdkProgram(), "DpAttn.Client");
        await dotnet.RunAsync("dotnet", ["build", "-c", "Release", "--nologo", "-v", "q"]);

        var endpoint = $"http://127.0.0.1:{FreePort()}";
        using var server = Process.Start(dotnet.Start(tool, ["serve", "--data", "data", "--listen", endpoint, "--admin-listen", $"http://127.0.0.1:{FreePort()}"]))!;
        try
        {
            var operatorKey = await OperatorKeyAsync(server);
            (string, string)[] As(string key) => [("DPATTN_API_KEY", key), ("DPATTN_ENDPOINT", endpoint)];
            var owner = KeyIn(await dotnet.RunAsync(tool, ["key", "create", "olga", "--role", "owner"], As(operatorKey)));
            var user = KeyIn(await dotnet.RunAsync(tool, ["key", "create", "ada", "--role", "user"], As(operatorKey)));
            var program = Path.Combine("bin", "Release", "net10.0", "sdk.dll");
            Assert.Contains("r000001", await dotnet.RunAsync("dotnet", [program, "own"], As(owner)));
            Assert.Contains("paid 0.5, left", await dotnet.RunAsync("dotnet", [program, "ask"], As(user)));
            Assert.Contains("paid 0, left", await dotnet.RunAsync("dotnet", [program, "ask"], As(user)));
        }
        finally
        {
            server.Kill(entireProcessTree: true);
            await server.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task The_examples_of_the_other_packages_compile_and_the_test_cluster_runs()
    {
        var dotnet = new Dotnet(packages.FolderOf("cluster"));
        await WriteProjectAsync("cluster", "Microsoft.NET.Sdk.Web", ClusterProgram(), "DpAttn.Client.Cluster", "DpAttn.Testing", "DpAttn.Privacy", "DpAttn.Attention");
        await dotnet.RunAsync("dotnet", ["build", "-c", "Release", "--nologo", "-v", "q"]);
        Assert.Contains("charged 1", await dotnet.RunAsync("dotnet", [Path.Combine("bin", "Release", "net10.0", "cluster.dll")]));
    }

    private async Task WriteProjectAsync(string name, string sdk, string program, params string[] needs)
    {
        var folder = packages.FolderOf(name);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), program);
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.csproj"), $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <RestoreAdditionalProjectSources>{packages.Feed}</RestoreAdditionalProjectSources>
              </PropertyGroup>
              <ItemGroup>
            {string.Join('\n', needs.Select(need => $"    <PackageReference Include=\"{need}\" Version=\"{packages.Version}\" />"))}
              </ItemGroup>
            </Project>
            """);
    }

    /// <summary>The three examples as they stand there, but for the address.</summary>
    private static string SdkProgram()
    {
        var examples = Checkout.Examples("DpAttn.Client");
        Assert.Equal(3, examples.Length);
        const string Address = "\"https://attention.example.org\"";
        Assert.Contains(Address, examples[0]);
        return $$"""
            using DpAttn.Client;
            using DpAttn.Contracts;
            using Microsoft.Extensions.DependencyInjection;

            var cancellationToken = CancellationToken.None;
            {{examples[0].Replace(Address, "Environment.GetEnvironmentVariable(\"DPATTN_ENDPOINT\")!", StringComparison.Ordinal)}}
            var client = services.BuildServiceProvider().GetRequiredService<IDpAttentionClient>();
            if (args[0] == "own")
            {
                var rows = RowsAsync();
                {{examples[1]}}
                Console.WriteLine(release.Id);
            }
            else
            {
                await AskAsync(new float[64]);
            }

            async Task<double> AskAsync(float[] query)
            {
                {{examples[2]}}
            }

            static async IAsyncEnumerable<Row> RowsAsync()
            {
                for (var i = 0; i < 1000; i++)
                {
                    var (key, value) = (new float[64], new float[16]);
                    (key[i % 64], value[i % 16]) = (1, 1);
                    yield return new Row(key, value);
                    await Task.CompletedTask;
                }
            }
            """;
    }

    private static string ClusterProgram() => $$"""
        using System.Net;
        using DpAttn.Attention;
        using DpAttn.Client;
        using DpAttn.Contracts;
        using DpAttn.Privacy;
        using DpAttn.Testing;

        {{Checkout.Examples("DpAttn.Testing")[0]}}
        Console.WriteLine($"charged {answer.Privacy.Charged}");
        Console.WriteLine($"{new Epsilon(answer.Privacy.TierEpsilon)} of a {nameof(MomentRelease)}");

        static void Front(WebApplicationBuilder builder)
        {
            {{Checkout.Examples("DpAttn.Client.Cluster")[0]}}
        }

        static string KeyOf(HttpContext context) => context.Request.Headers.Authorization.ToString();
        """;

    private static async Task<string> OperatorKeyAsync(Process server)
    {
        using var patience = new CancellationTokenSource(StartPatience);
        var key = "";
        while (await server.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith("dpattn_", StringComparison.Ordinal))
                key = line;
            if (!line.Contains("the API listens at", StringComparison.Ordinal))
                continue;
            // Nobody reads on, and a full pipe would stop the server.
            _ = server.StandardOutput.ReadToEndAsync(CancellationToken.None);
            _ = server.StandardError.ReadToEndAsync(CancellationToken.None);
            return key;
        }
        throw new InvalidOperationException($"the server ended before it listened: {await server.StandardError.ReadToEndAsync(patience.Token)}");
    }

    private static string KeyIn(string output) => output.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).First(word => word.StartsWith("dpattn_", StringComparison.Ordinal));

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
