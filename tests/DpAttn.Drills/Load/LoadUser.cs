using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Drills.Crash;

namespace DpAttn.Drills.Load;

/// <summary>One client: opens and upgrades, repeats earlier requests under their keys, asks what is open, looks at its budget, and writes down what it is told.</summary>
internal sealed class LoadUser(
    IDpAttentionClient client, string store, string incarnation, string account, LoadJournal journal, Func<string[]> releases, int tiers, ConcurrentQueue<string> faults)
{
    private const int QueryCount = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private readonly List<AttendOptions> _made = [];
    private readonly HashSet<string> _unsettled = [];
    private long _spent;

    public string Account => account;

    public async Task RunAsync(int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        for (var step = 0; !stop.IsCancellationRequested; step++)
        {
            var known = releases();
            switch (random.Next(10))
            {
                case < 5:
                    // The newer ones more often: there is more left to open.
                    var release = known[Math.Max(random.Next(known.Length), random.Next(known.Length))];
                    await AskAsync(new AttendOptions { Release = release, Tier = random.Next(tiers), IdempotencyKey = $"open-{seed}-{step}" });
                    break;
                case < 8 when _made.Count > 0:
                    await AskAsync(_made[random.Next(_made.Count)]);
                    break;
                case 8:
                    await AskAsync(new AttendOptions());
                    break;
                default:
                    await SpentAsync();
                    break;
            }
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <summary>Repeats what it gave up on: now it is found, or decided.</summary>
    public async Task SettleAsync()
    {
        foreach (var options in _made.Where(options => _unsettled.Contains(options.IdempotencyKey!)).ToArray())
            await AskAsync(options);
        if (_unsettled.Count > 0)
            faults.Enqueue($"{account}: {_unsettled.Count} requests stayed without an answer");
    }

    /// <summary>What is spent, which is never less than before.</summary>
    public async Task<long> SpentAsync()
    {
        var units = (await Patience.UntilAnsweredAsync(() => client.GetBudgetAsync(store))).SpentUnits;
        if (units < _spent)
            faults.Enqueue($"{account}: {units} units are spent where {_spent} were");
        return _spent = units;
    }

    private async Task AskAsync(AttendOptions options)
    {
        if (options.IdempotencyKey is not null && !_made.Contains(options))
            _made.Add(options);
        var line = new JournalLine(account, incarnation, options.IdempotencyKey, options.Release, options.Tier, JournalLine.Refused);
        try
        {
            var answer = await client.AttendAsync(store, DrillRows.Queries(QueryCount), QueryCount, options, CancellationToken.None);
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
            return;
        }
        catch (DpAttentionException e) when (e.Problem is null || e.Problem.Retryable)
        {
            line = line with { Told = JournalLine.GaveUp };
        }
        if (options.IdempotencyKey is { } key)
            _ = line.Told == JournalLine.GaveUp ? _unsettled.Add(key) : _unsettled.Remove(key);
        journal.Write(line);
    }

    private static string Digest(AttendResponse answer) => Convert.ToHexString(SHA256.HashData(
        JsonSerializer.SerializeToUtf8Bytes(new { answer.Outputs, answer.NoiseDeviations, answer.IntervalLow, answer.IntervalHigh, answer.IndistinguishableFromMean })));
}
