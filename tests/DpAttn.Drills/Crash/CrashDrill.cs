using System.Security.Cryptography;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Drills.Crash;

/// <summary>
/// The crash drill: load, publish, open and ask while the server is killed with SIGKILL, then a checker that believes only the clients' journal. It is
/// independent of the server's code: it uses the HTTP surface alone.
/// </summary>
/// <param name="directory">For the server's data.</param>
/// <param name="shape">The mechanism that publishes, and its rows.</param>
/// <param name="killsPerPhase">Counted kills of each phase.</param>
/// <param name="log">What to tell.</param>
/// <param name="postgres">The connection string of an empty database; null for the embedded storage.</param>
internal sealed class CrashDrill(string directory, DrillShape shape, int killsPerPhase, Action<string> log, string? postgres = null) : IAsyncDisposable
{
    private const string Store = "drill";
    private const int BatchRows = 400;
    private const int Writers = 4;
    private const int QueryCount = 8;
    private static readonly double[] Ladder = [0.25, 0.5, 1];
    private readonly ServerProcess _server = new(directory, postgres);
    private readonly Journal _journal = new();
    private readonly Dictionary<string, IDpAttentionClient> _users = [];
    private readonly Dictionary<string, long> _spentBefore = [];
    private readonly List<IDisposable> _clients = [];
    private IDpAttentionClient _owner = null!;

    /// <summary>Counted kills by phase.</summary>
    public Dictionary<string, int> Kills { get; } = [];

    /// <summary>What the checker found wrong.</summary>
    public List<string> Faults { get; } = [];

    public async Task RunAsync()
    {
        await _server.PrepareAsync();
        log($"ready in {(await _server.StartAsync()).TotalSeconds:F1} s");
        await PrepareAsync();
        await PhaseAsync("load", LoadAsync, () => true);
        await PublishPhaseAsync();
        await PhaseAsync("open", OpenAsync, () => true);
        await PhaseAsync("attend", AskAsync, () => true);
        await CheckAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await _server.DisposeAsync();
    }

    private async Task PrepareAsync()
    {
        var @operator = Connect(_server.OperatorKey ?? throw new InvalidOperationException("the first start printed no operator key"));
        _owner = Connect((await @operator.CreateKeyAsync(new KeyRequest("owner", Roles.Owner))).Key);
        await _owner.EnsureStoreAsync(Store, shape.Define(Ladder, limit: 20));
        // One may open nearly everything, the other only a little.
        foreach (var (user, limit) in new[] { ("rich", 18.0), ("poor", 0.7) })
        {
            _users[user] = Connect((await @operator.CreateKeyAsync(new KeyRequest(user, Roles.User))).Key);
            await _owner.GrantAsync(Store, user, limit);
        }
    }

    private async Task PhaseAsync(string name, Func<CancellationToken, Task> work, Func<bool> isUnderWay)
    {
        Kills[name] = await new Killer(_server, _journal, name.Length).RunAsync(killsPerPhase, isUnderWay, work, RequireMonotoneAsync);
        log($"{name}: {Kills[name]} kills");
    }

    /// <summary>Writers append batches until they are stopped; a batch that was begun is finished.</summary>
    private async Task LoadAsync(CancellationToken stop)
    {
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var batch = $"w{writer}-{i}";
                var (keys, values) = shape.Batch(BatchRows, HashCode(batch));
                var result = await Patience.UntilAnsweredAsync(() => _owner.AppendAsync(Store, batch, keys, values, BatchRows));
                _journal.Batches[batch] = result.FirstSlot;
                _journal.Count();
            }
        }));
    }

    /// <summary>Publishes release after release; each is killed between its freeze and its end, and must end by itself.</summary>
    private async Task PublishPhaseAsync()
    {
        var counted = 0;
        for (var round = 0; counted < killsPerPhase && round < 4 * killsPerPhase + 10; round++)
        {
            var key = $"publish-{round}";
            var release = await Patience.UntilAnsweredAsync(() => _owner.StartPublishAsync(Store, idempotencyKey: key));
            _journal.Releases[key] = release.Id;
            // The marker: the shards have begun to sum, or the noise is being drawn.
            var seen = release;
            while (seen.State == "publishing" && seen.Progress == 0)
                seen = await Patience.UntilAnsweredAsync(() => _owner.GetReleaseAsync(Store, release.Id));
            await Task.Delay(round * 37 % 200);
            await _server.KillAsync();
            await _server.StartAsync();
            var after = await Patience.UntilAnsweredAsync(() => _owner.GetReleaseAsync(Store, release.Id));
            if (seen.State == "publishing" && after.State == "publishing")
                counted++;
            await UntilAsync(async () => (after = await _owner.GetReleaseAsync(Store, release.Id)).State != "publishing", $"release {release.Id} was not resumed");
            if (after.State != "published")
                Faults.Add($"release {release.Id} ended as {after.State}: {after.Failure}");
            var retried = await Patience.UntilAnsweredAsync(() => _owner.StartPublishAsync(Store, idempotencyKey: key));
            if (retried.Id != release.Id)
                Faults.Add($"a retried publish made release {retried.Id} beside {release.Id}");
            await RequireMonotoneAsync();
        }
        Kills["publish"] = counted;
        log($"publish: {counted} kills");
    }

    /// <summary>Both users open and upgrade tiers, each request with a key of its own, retried until it is answered.</summary>
    private async Task OpenAsync(CancellationToken stop)
    {
        var releases = _journal.Releases.Values.Distinct().Order().ToArray();
        await Task.WhenAll(_users.Select(async user =>
        {
            for (var step = 0; !stop.IsCancellationRequested; step++)
            {
                var release = releases[step / Ladder.Length % releases.Length];
                var tier = step % Ladder.Length;
                // After the first round every request finds its tier open or its limit reached; both are asked with new keys.
                var request = $"open-{step}";
                await OpenOneAsync(user.Key, user.Value, request, release, tier);
                _journal.Count();
            }
        }));
    }

    private async Task OpenOneAsync(string user, IDpAttentionClient client, string request, string release, int tier)
    {
        var options = new AttendOptions { Release = release, Tier = tier, IdempotencyKey = request };
        try
        {
            var answer = await Patience.UntilAnsweredAsync(() => client.AttendAsync(Store, shape.Queries(QueryCount), QueryCount, options));
            _journal.Opens[(user, request)] = new Opened(release, tier, answer.Privacy.Charged, answer.Privacy.Replayed);
            _journal.Answered(release, answer.Privacy.Tier, Digest(answer));
        }
        catch (PrivacyBudgetExceededException)
        {
            // Refused: nothing was charged, which the checker adds up.
        }
    }

    /// <summary>Both users ask the same queries again and again from what they have opened.</summary>
    private async Task AskAsync(CancellationToken stop)
    {
        var opened = _journal.Opens.ToArray();
        await Task.WhenAll(_users.Select(async user =>
        {
            var mine = opened.Where(open => open.Key.User == user.Key).Select(open => open.Value).ToArray();
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var open = mine[i % mine.Length];
                var answer = await Patience.UntilAnsweredAsync(() => user.Value.AttendAsync(
                    Store, shape.Queries(QueryCount), QueryCount, new AttendOptions { Release = open.Release, Tier = open.Tier }));
                if (answer.Privacy.Charged != 0)
                    Faults.Add($"an open tier of {open.Release} was charged again");
                _journal.Answered(open.Release, answer.Privacy.Tier, Digest(answer));
            }
        }));
    }

    private async Task CheckAsync()
    {
        var store = await _owner.GetStoreAsync(Store);
        if (store.Slots != (long)_journal.Batches.Count * BatchRows || store.Batches != _journal.Batches.Count)
            Faults.Add($"{_journal.Batches.Count} batches of {BatchRows} rows were acknowledged; the store has {store.Batches} batches and {store.Slots} slots");
        if (_journal.Batches.Values.Distinct().Count() != _journal.Batches.Count || _journal.Batches.Values.Any(slot => slot % BatchRows != 0))
            Faults.Add("two batches stand in the same slots");
        foreach (var (batch, slot) in _journal.Batches)
        {
            var (keys, values) = shape.Batch(BatchRows, HashCode(batch));
            var again = await _owner.AppendAsync(Store, batch, keys, values, BatchRows);
            if (!again.Replayed || again.FirstSlot != slot)
                Faults.Add($"batch {batch} was acknowledged and is not there as it was");
        }
        foreach (var user in _users)
            await CheckLedgerAsync(user.Key, user.Value);
        foreach (var difference in _journal.Differences)
            Faults.Add($"answers of {difference} differ");
        log($"{_journal.Batches.Count} batches, {_journal.Releases.Count} releases, {_journal.Opens.Count} opens, {_journal.Answers.Count} distinct tiers answered, {_journal.Acknowledged} acknowledgements");
    }

    /// <summary>The ledger against the journal: every tier that was answered is paid for, once, and nothing else is.</summary>
    private async Task CheckLedgerAsync(string user, IDpAttentionClient client)
    {
        var budget = await client.GetBudgetAsync(Store);
        var entries = new List<LedgerLine>();
        await foreach (var entry in client.ListLedgerAsync(Store))
            entries.Add(entry);
        var charges = entries.Where(entry => entry.Kind == "open").ToArray();
        if (charges.Select(entry => entry.Request).Distinct().Count() != charges.Length)
            Faults.Add($"{user}: a request id stands twice in the ledger");
        if (charges.Sum(entry => entry.Units) != budget.SpentUnits)
            Faults.Add($"{user}: entries of {charges.Sum(entry => entry.Units)} units, but {budget.SpentUnits} are spent");
        var best = _journal.Opens.Where(open => open.Key.User == user).GroupBy(open => open.Value.Release).ToDictionary(group => group.Key, group => group.Max(open => open.Value.Tier));
        long owed = 0;
        foreach (var (release, tier) in best)
        {
            var statement = await client.GetPrivacyStatementAsync(Store, release);
            owed += statement.Tiers[tier].MuSquaredUnits;
            if (budget.Opened.FirstOrDefault(open => open.Release == release)?.Tier != tier)
                Faults.Add($"{user}: tier {tier} of {release} was answered and is not open in the ledger");
        }
        if (owed != budget.SpentUnits)
            Faults.Add($"{user}: answers worth {owed} units left, {budget.SpentUnits} are spent");
        if (budget.SpentUnits > budget.LimitUnits)
            Faults.Add($"{user}: {budget.SpentUnits} units are spent of a limit of {budget.LimitUnits}");
        log($"{user}: {budget.SpentUnits} of {budget.LimitUnits} units, {charges.Length} entries");
    }

    /// <summary>No spent budget is lower than it was before the kill.</summary>
    private async Task RequireMonotoneAsync()
    {
        foreach (var (user, client) in _users)
        {
            var spent = (await Patience.UntilAnsweredAsync(() => client.GetBudgetAsync(Store))).SpentUnits;
            if (spent < _spentBefore.GetValueOrDefault(user))
                Faults.Add($"{user}: {spent} units are spent where {_spentBefore[user]} were");
            _spentBefore[user] = spent;
        }
    }

    private IDpAttentionClient Connect(string key)
    {
        var client = Patience.Connect(_server.Endpoint, key);
        _clients.Add(client);
        return client;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds, string otherwise)
    {
        var end = DateTime.UtcNow + TimeSpan.FromSeconds(90);
        while (!await holds())
        {
            if (DateTime.UtcNow > end)
                throw new InvalidOperationException(otherwise);
            await Task.Delay(50);
        }
    }

    private static string Digest(AttendResponse answer) => Convert.ToHexString(SHA256.HashData(
        JsonSerializer.SerializeToUtf8Bytes(new { answer.Outputs, answer.NoiseDeviations, answer.IntervalLow, answer.IntervalHigh, answer.IndistinguishableFromMean })));

    private static int HashCode(string batch) => (int)(BitConverter.ToUInt32(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(batch))) >> 1);
}
