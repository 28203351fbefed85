using DpAttn.Client;

namespace DpAttn.Drills;

/// <summary>Clients that outlive their server.</summary>
internal static class Patience
{
    private const int MostTries = 20;

    /// <summary>A client that retries for some seconds by itself.</summary>
    public static DpAttentionClient Connect(Uri endpoint, string key) => new(new DpAttentionOptions
    {
        Endpoint = endpoint,
        ApiKey = key,
        MaxRetries = 20,
        RetryDelay = TimeSpan.FromMilliseconds(50),
        MaxRetryDelay = TimeSpan.FromSeconds(1),
    });

    /// <summary>A call through however many restarts: it carries the same key each time, as a user's own retry would.</summary>
    public static async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> call)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (DpAttentionException e) when (e is not PrivacyBudgetExceededException && (e.Problem is null || e.Problem.Retryable) && attempt < MostTries)
            {
                await Task.Delay(100);
            }
        }
    }
}
