using DpAttn.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Client.Tests;

/// <summary>The README's example, compiled and run.</summary>
internal static class ReadmeExample
{
    public static ServiceCollection Register()
    {
        // README: register
        var services = new ServiceCollection();
        services.AddDpAttention(options =>
        {
            options.Endpoint = new Uri("https://attention.example.org");
            options.ApiKey = Environment.GetEnvironmentVariable("DPATTN_API_KEY");
        });
        // README: end
        return services;
    }

    public static async Task OwnAsync(IDpAttentionClient client, IAsyncEnumerable<Row> rows, CancellationToken cancellationToken)
    {
        // README: own
        await client.EnsureStoreAsync("packages", new StoreDefinition
        {
            KeyDimension = 64,
            ValueDimension = 16,
            Keys = new RegionBound(Ball: new BallBound(Radius: 1)),
            Values = new ValueBoundStatement(Radius: 1),
            Ladder = [0.25, 0.5, 1],
            Limit = 1,
            Capacity = 100_000,
        }, cancellationToken);
        await client.AppendAsync("packages", "load-2026-01", rows, cancellationToken: cancellationToken);
        var release = await client.PublishAsync("packages", cancellationToken: cancellationToken);
        await client.GrantAsync("packages", "ada", epsilon: 1, cancellationToken);
        // README: end
        Assert.Equal("published", release.State);
    }

    public static async Task<double> AskAsync(IDpAttentionClient client, float[] query, CancellationToken cancellationToken)
    {
        // README: ask
        try
        {
            var answer = await client.AttendAsync("packages", query, new AttendOptions { MaxEpsilon = 0.5 }, cancellationToken);
            Console.WriteLine($"{answer.Outputs[0][0]} +- {answer.NoiseDeviations[0][0]}, paid {answer.Privacy.Charged}, left {answer.Privacy.Remaining}");
            return answer.Outputs[0][0];
        }
        catch (PrivacyBudgetExceededException refusal)
        {
            Console.WriteLine($"asked for {refusal.Requested}, at most {refusal.Remaining} can be spent; nothing was charged");
            throw;
        }
        // README: end
    }
}
