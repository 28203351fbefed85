using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Drills.Load;

/// <summary>
/// One client: opens and upgrades, buys answers one by one in a per-query store, repeats earlier requests under their keys, asks what is open, looks at its budgets, and writes down
/// what it is told.
/// </summary>
internal sealed class LoadUser(
    IDpAttentionClient client, LoadStore released, LoadStore perQuery, string account, LoadJournal journal, Func<string[]> releases, ConcurrentQueue<string> faults)
{
    private const int QueryCount = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private readonly List<(LoadStore Store, AttendOptions Options)> _made = [];
    private readonly HashSet<string> _unsettled = [];
    private readonly Dictionary<LoadStore, long> _spent = [];

    public string Account => account;

    public async Task RunAsync(int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        for (var step = 0; !stop.IsCancellationRequested; step++)
        {
            var known = releases();
            switch (random.Next(10))
            {
                case < 3:
                    // The newer ones more often: there is more left to open.
                    var release = known[Math.Max(random.Next(known.Length), random.Next(known.Length))];
                    await AskAsync(released, new AttendOptions { Release = release, Tier = random.Next(released.Tiers), IdempotencyKey = $"open-{seed}-{step}" });
                    break;
                case < 5:
                    await AskAsync(perQuery, new AttendOptions { Tier = random.Next(perQuery.Tiers), IdempotencyKey = $"query-{seed}-{step}" });
                    break;
                case < 8 when _made.Count > 0:
                    // The latest as often as all others: a kill may have come between its charge and its answer.
                    var (store, options) = _made[random.Next(2) == 0 ? _made.Count - 1 : random.Next(_made.Count)];
                    await AskAsync(store, options);
                    break;
                case 8:
                    await AskAsync(released, new AttendOptions());
                    break;
                default:
                    await SpentAsync(random.Next(2) == 0 ? released : perQuery);
                    break;
            }
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <summary>Repeats what it gave up on: now it is found, or decided.</summary>
    public async Task SettleAsync()
    {
        foreach (var (store, options) in _made.Where(made => _unsettled.Contains(made.Options.IdempotencyKey!)).ToArray())
            await AskAsync(store, options);
        if (_unsettled.Count > 0)
            faults.Enqueue($"{account}: {_unsettled.Count} requests stayed without an answer");
    }

    /// <summary>What is spent in a store, which is never less than before.</summary>
    public async Task<long> SpentAsync(LoadStore store)
    {
        var units = (await Patience.UntilAnsweredAsync(() => client.GetBudgetAsync(store.Name))).SpentUnits;
        if (units < _spent.GetValueOrDefault(store))
            faults.Enqueue($"{account}: {units} units are spent where {_spent[store]} were");
        return _spent[store] = units;
    }

    private async Task AskAsync(LoadStore store, AttendOptions options)
    {
        if (options.IdempotencyKey is not null && !_made.Contains((store, options)))
            _made.Add((store, options));
        var line = new JournalLine(account, store.Incarnation, options.IdempotencyKey, options.Release, options.Tier, JournalLine.Refused, Began: DateTimeOffset.UtcNow);
        try
        {
            var answer = await client.AttendAsync(store.Name, store.Shape.Queries(QueryCount), QueryCount, options, CancellationToken.None);
            line = line with
            {
                Told = JournalLine.Answered,
                Release = answer.Privacy.Release,
                Tier = answer.Privacy.Tier,
                IsCharged = answer.Privacy.Charged > 0,
                IsReplay = answer.Privacy.Replayed,
                Digest = Digest(answer),
            };
        }
        catch (PrivacyBudgetExceededException)
        {
            // Refused: nothing may be charged under this key, unless an attempt before was.
        }
        catch (DpAttentionException e) when (e.Problem is { Code: ProblemCodes.NotOpened })
        {
            // Of an account that was answered before, the checker says that it is wrong.
            line = line with { Told = JournalLine.NotOpened };
        }
        catch (DpAttentionException e) when (e.Problem is null || e.Problem.Retryable)
        {
            line = line with { Told = JournalLine.GaveUp };
        }
        line = line with { Ended = DateTimeOffset.UtcNow };
        if (options.IdempotencyKey is { } key)
            _ = line.Told == JournalLine.GaveUp ? _unsettled.Add(key) : _unsettled.Remove(key);
        journal.Write(line);
    }

    /// <summary>Of all numbers of an answer.</summary>
    internal static string Digest(AttendResponse answer) => Convert.ToHexString(SHA256.HashData(
        JsonSerializer.SerializeToUtf8Bytes(new { answer.Outputs, answer.NoiseDeviations, answer.IntervalLow, answer.IntervalHigh, answer.IndistinguishableFromMean })));
}
