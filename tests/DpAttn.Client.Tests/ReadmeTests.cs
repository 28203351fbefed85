using System.Net;
using DpAttn.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Client.Tests;

public class ReadmeTests
{
    [Theory]
    [InlineData("register")]
    [InlineData("own")]
    [InlineData("ask")]
    public void The_example_in_the_README_is_the_code_that_is_tested(string part)
    {
        var readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "README.md"));
        var lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "ReadmeExample.cs"));
        var code = lines.SkipWhile(line => line.Trim() != $"// README: {part}").Skip(1).TakeWhile(line => line.Trim() != "// README: end").ToArray();
        Assert.NotEmpty(code);
        var text = string.Join('\n', code.Select(line => line.Length > 8 ? line[8..] : ""));
        Assert.Contains("```csharp\n" + text + "\n```", readme.ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task The_example_works()
    {
        var handler = ScriptedHandler.Of(
            () => Replies.Json(Replies.Store(), HttpStatusCode.Created),
            () => Replies.Json(new AppendResult("load-2026-01-00000000", 0, 1, false)),
            () => Replies.Json(Replies.Release("published", 1), HttpStatusCode.Accepted),
            () => Replies.Json(new AccountReference("acc1")),
            () => Replies.Json(Replies.Budget()),
            () => Replies.Json(Replies.Answers(1, 16, charged: 0.5)));
        var services = ReadmeExample.Register();
        services.Configure<DpAttentionOptions>(options => options.ApiKey = "dpk_1");
        services.AddHttpClient(ServiceCollectionExtensions.HttpClientName).ConfigurePrimaryHttpMessageHandler(() => handler);
        using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<IDpAttentionClient>();
        await ReadmeExample.OwnAsync(client, new[] { new Row(new float[64], new float[16]) }.ToAsyncEnumerable(), CancellationToken.None);
        Assert.Equal(0, await ReadmeExample.AskAsync(client, new float[64], CancellationToken.None));
        Assert.Equal(6, handler.Sent.Count);
    }

    [Fact]
    public async Task The_example_tells_of_a_refusal()
    {
        using var test = new TestClient(ScriptedHandler.Of(() => Replies.Problem(Problems.Exhausted)));
        await Assert.ThrowsAsync<PrivacyBudgetExceededException>(() => ReadmeExample.AskAsync(test.Client, new float[64], CancellationToken.None));
    }
}
