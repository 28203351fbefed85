using System.Security.Cryptography;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Compare-and-set against others: look, decide, try to commit, and look again when somebody was first.</summary>
internal static class Contention
{
    /// <summary>How often a change is tried.</summary>
    public const int MostAttempts = 10;

    private const int LongestPauseMilliseconds = 200;

    /// <summary>Tries a change until it is committed.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="attempt">Looks and decides anew: the commit, or null when nothing has to change; and what to return.</param>
    /// <param name="busy">What to throw when others were always first.</param>
    /// <param name="cancellationToken">Gives up between attempts.</param>
    public static async Task<T> CommitAsync<T>(this ICatalog catalog, Func<Task<(CatalogCommit? Commit, T Result)>> attempt, Func<ProblemException> busy, CancellationToken cancellationToken)
    {
        for (var tried = 0; tried < MostAttempts; tried++)
        {
            // Contenders that met once would meet again without it.
            if (tried > 0)
                await Task.Delay(RandomNumberGenerator.GetInt32(1, Math.Min(LongestPauseMilliseconds, 2 << tried)), cancellationToken);
            var (commit, result) = await attempt();
            if (commit is null || await catalog.CommitAsync(commit, cancellationToken))
                return result;
        }
        throw busy();
    }
}
