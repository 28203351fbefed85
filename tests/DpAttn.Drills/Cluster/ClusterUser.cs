using System.Collections.Concurrent;
using DpAttn.Client;
using DpAttn.Drills.Load;

namespace DpAttn.Drills;

/// <summary>
/// One client of the drill of a cluster, with the SDK's own retries and no others: attends to what is open, opens tiers, buys answers, repeats earlier requests under their keys, and looks at its budgets.
/// </summary>
internal sealed class ClusterUser(AskingClient asking, ClusterStores stores, Func<string[]> releases, TimeSpan pause, ConcurrentQueue<string> faults)
{
    /// <summary>How many sets of queries are asked of one release.</summary>
    public const int QuerySets = 8;

    private readonly List<(LoadStore Store, AttendOptions Options, int Query)> _made = [];
    private readonly HashSet<string> _unsettled = [];
    private readonly Dictionary<LoadStore, long> _spent = [];
    private long _callBegan = long.MaxValue;

    public string Account => asking.Account;

    /// <summary>When the call under way was made; far in the future where there is none.</summary>
    public DateTimeOffset CallBegan => Interlocked.Read(ref _callBegan) is var ticks && ticks == long.MaxValue ? DateTimeOffset.MaxValue : new DateTimeOffset(ticks, TimeSpan.Zero);

    /// <summary>Opens what is attended to all the while.</summary>
    public async Task OpenAsync(IEnumerable<(LoadStore Store, string Release)> published, string key)
    {
        foreach (var (store, release) in published)
            await AskAsync(store, new AttendOptions { Release = release, Tier = 0, IdempotencyKey = $"{key}-{store.Name}" });
    }

    public async Task RunAsync(int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        for (var step = 0; !stop.IsCancellationRequested; step++)
        {
            var known = releases();
            switch (random.Next(20))
            {
                case < 4:
                    await AskAsync(stores.Rows, new AttendOptions(), random.Next(QuerySets));
                    break;
                case < 7:
                    await AskAsync(stores.Distances, new AttendOptions(), random.Next(QuerySets));
                    break;
                case < 11:
                    // The newer ones more often: there is more left to open.
                    var release = known[Math.Max(random.Next(known.Length), random.Next(known.Length))];
                    await AskAsync(stores.Opening, new AttendOptions { Release = release, Tier = random.Next(stores.Opening.Tiers), IdempotencyKey = $"open-{seed}-{step}" });
                    break;
                case < 14:
                    await AskAsync(stores.PerQuery, new AttendOptions { Tier = random.Next(stores.PerQuery.Tiers), IdempotencyKey = $"query-{seed}-{step}" });
                    break;
                case < 18 when _made.Count > 0:
                    // The latest as often as all others: a fault may have come between its charge and its answer.
                    var (store, options, query) = _made[random.Next(2) == 0 ? _made.Count - 1 : random.Next(_made.Count)];
                    await AskAsync(store, options, query);
                    break;
                case 18:
                    await AskAsync(stores.Opening, new AttendOptions());
                    break;
                default:
                    await LookAsync(random.Next(2) == 0 ? stores.Opening : stores.PerQuery);
                    break;
            }
            await Task.Delay(pause * (0.5 + random.NextDouble()), CancellationToken.None);
        }
    }

    /// <summary>Repeats what it gave up on: now it is found, or decided.</summary>
    public async Task SettleAsync()
    {
        foreach (var (store, options, query) in _made.Where(made => _unsettled.Contains(made.Options.IdempotencyKey!)).ToArray())
            await AskAsync(store, options, query);
        if (_unsettled.Count > 0)
            faults.Enqueue($"{Account}: {_unsettled.Count} requests stayed without an answer");
    }

    /// <summary>What is spent in a store, which is never less than before; null where it was not told.</summary>
    public async Task<long?> LookAsync(LoadStore store)
    {
        if (await asking.SpentAsync(store) is not { } units)
            return null;
        if (units < _spent.GetValueOrDefault(store))
            faults.Enqueue($"{Account}: {units} units are spent where {_spent[store]} were");
        return _spent[store] = units;
    }

    private async Task AskAsync(LoadStore store, AttendOptions options, int query = 0)
    {
        if (options.IdempotencyKey is not null && !_made.Contains((store, options, query)))
            _made.Add((store, options, query));
        Interlocked.Exchange(ref _callBegan, DateTimeOffset.UtcNow.Ticks);
        var line = await asking.AskAsync(store, options, query);
        Interlocked.Exchange(ref _callBegan, long.MaxValue);
        if (line.Request is { } key)
            _ = line.Told == JournalLine.GaveUp ? _unsettled.Add(key) : _unsettled.Remove(key);
    }
}
