using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Drills.Load;

/// <summary>A client that writes down what it is told. Its calls may run at once.</summary>
/// <param name="client">Asks.</param>
/// <param name="account">Whose it is.</param>
/// <param name="isProbe">Whether it asks without retries.</param>
/// <param name="journal">What it is told.</param>
/// <param name="fault">Told what no fault of a process excuses.</param>
internal sealed class AskingClient(IDpAttentionClient client, string account, bool isProbe, LoadJournal journal, Action<string> fault)
{
    private const int QueryCount = 4;

    public string Account => account;

    /// <summary>Asks a set of queries.</summary>
    /// <returns>What it was told.</returns>
    public async Task<JournalLine> AskAsync(LoadStore store, AttendOptions options, int query = 0)
    {
        var line = new JournalLine(
            account, store.Incarnation, options.IdempotencyKey, options.Release, options.Tier, JournalLine.Refused, Query: query, Began: DateTimeOffset.UtcNow, IsProbe: isProbe);
        try
        {
            var answer = await client.AttendAsync(store.Name, store.Shape.Queries(QueryCount, query), QueryCount, options, CancellationToken.None);
            line = line with
            {
                Told = JournalLine.Answered,
                Release = answer.Privacy.Release,
                Tier = answer.Privacy.Tier,
                IsCharged = answer.Privacy.Charged > 0,
                IsReplay = answer.Privacy.Replayed,
                Digest = LoadUser.Digest(answer),
            };
        }
        catch (PrivacyBudgetExceededException)
        {
            // Refused: nothing may be charged under this key, unless an attempt before was.
        }
        catch (DpAttentionException e) when (e.Code == ProblemCodes.NotOpened)
        {
            // Of an account that was answered before, the checker says that it is wrong.
            line = line with { Told = JournalLine.NotOpened };
        }
        catch (DpAttentionException e)
        {
            line = line with { Told = JournalLine.GaveUp, Code = e.Code ?? e.InnerException?.GetType().Name ?? "no answer" };
            if (e.Problem is { Retryable: false })
                fault($"{account}: a call ended with {e.Code}, which is not to be retried");
        }
        line = line with { Ended = DateTimeOffset.UtcNow };
        journal.Write(line);
        return line;
    }

    /// <summary>What is spent in a store; null where it was not told.</summary>
    public async Task<long?> SpentAsync(LoadStore store)
    {
        try
        {
            return (await client.GetBudgetAsync(store.Name)).SpentUnits;
        }
        catch (DpAttentionException e) when (e.Problem is null or { Retryable: true })
        {
            return null;
        }
    }
}
