using System.Collections.Concurrent;
using DpAttn.Client;
using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>A call without retries: to what, when, and whether it was answered.</summary>
internal sealed record ProbeLine(string Key, DateTimeOffset Began, DateTimeOffset Ended, string? Failure)
{
    /// <summary>The failure of a call that should have been made and was not: too many had not come back.</summary>
    public const string NotMade = "not made";
}

/// <summary>
/// Asks without retries and at a steady pace, whether or not earlier calls have come back: when a key answers again is then known to one pace. Each store, for each account, is a key: what is open in the
/// silos' caches, what coordinator and shards work on, and what the ledger and the shards work on.
/// </summary>
internal sealed class Probes(AskingClient asking, ClusterStores stores, int number, TimeSpan pace)
{
    // More than come together while every call takes all the time that a request may.
    private const int MostUnderWay = 200;

    public ConcurrentQueue<ProbeLine> Lines { get; } = new();

    /// <summary>What is asked all the while.</summary>
    public IEnumerable<string> Keys => new[] { stores.Rows, stores.Distances, stores.PerQuery }.Select(KeyOf);

    /// <summary>What a store is called as a key.</summary>
    public string KeyOf(LoadStore store) => $"{store.Name} of {number}";

    public async Task OpenAsync(IEnumerable<(LoadStore Store, string Release)> published)
    {
        foreach (var (store, release) in published)
            await asking.AskAsync(store, new AttendOptions { Release = release, Tier = 0, IdempotencyKey = $"probe-{number}-{store.Name}" });
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var underWay = new List<Task>();
        for (var step = 0; !stop.IsCancellationRequested; step++)
        {
            underWay.RemoveAll(call => call.IsCompletedSuccessfully);
            if (underWay.Count < MostUnderWay)
            {
                underWay.Add(ProbeAsync(stores.Rows, new AttendOptions(), step % ClusterUser.QuerySets));
                underWay.Add(ProbeAsync(stores.Distances, new AttendOptions(), step % ClusterUser.QuerySets));
                underWay.Add(ProbeAsync(stores.PerQuery, new AttendOptions { Tier = 0, IdempotencyKey = $"probe-{number}-{step}" }, 0));
            }
            else
            {
                foreach (var key in Keys)
                    Lines.Enqueue(new ProbeLine(key, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow, ProbeLine.NotMade));
            }
            await Task.Delay(pace, CancellationToken.None);
        }
        await Task.WhenAll(underWay);
    }

    private async Task ProbeAsync(LoadStore store, AttendOptions options, int query)
    {
        var line = await asking.AskAsync(store, options, query);
        Lines.Enqueue(new ProbeLine(KeyOf(store), line.Began, line.Ended, line.Told == JournalLine.Answered ? null : line.Code ?? line.Told));
    }
}
