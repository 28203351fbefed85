using System.Collections.Concurrent;
using System.Diagnostics;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Drills.Load;

/// <summary>How long the load goes on and how often the server is killed under it: longer, up to eight times, where a slow machine has not had its kills, or not seen everything happen, by then.</summary>
internal sealed record LoadPlan(TimeSpan Duration, TimeSpan ShortestLife, TimeSpan LongestLife, int Kills, int Clients = 16);

/// <summary>
/// Load from many clients over HTTP, each with an account of its own, while the server is killed with SIGKILL and started again; then a checker that believes the
/// clients' journal and reads the ledger's tables by itself.
/// </summary>
/// <param name="directory">For the server's data and the journal.</param>
/// <param name="shape">The mechanism that publishes, and its rows; beside it stands a store that answers query by query.</param>
/// <param name="plan">How much.</param>
/// <param name="log">What to tell.</param>
/// <param name="postgres">The connection string of an empty database; null for the embedded storage.</param>
internal sealed class LoadDrill(string directory, DrillShape shape, LoadPlan plan, Action<string> log, string? postgres = null) : IAsyncDisposable
{
    /// <summary>A drill in which fewer of a kind happened says nothing about it.</summary>
    public const int FewestOfAKind = 10;

    /// <summary>What has to happen.</summary>
    public static readonly string[] Kinds = ["charged", "replayed", "refused", "free", "query charged", "query replayed", "query refused"];

    private const string Released = "released", PerQuery = "per-query";
    private const int Limited = 4;
    private static readonly double[] Ladder = [0.05, 0.1, 0.15, 0.2], Prices = [0.05, 0.1];
    private static readonly TimeSpan BetweenReleases = TimeSpan.FromSeconds(2);
    private readonly ServerProcess _server = new(directory, postgres);
    private readonly LoadJournal _journal = new(Path.Combine(directory, "journal.jsonl"));
    private readonly ConcurrentDictionary<(string Store, string Release, int Tier), long> _prices = new();
    private readonly List<DpAttentionClient> _clients = [];
    private IDpAttentionClient _owner = null!;
    private LoadStore _released = null!, _perQuery = null!;
    private ReleasePublisher _publisher = null!;

    /// <summary>How often the server was killed under load.</summary>
    public int Kills { get; private set; }

    /// <summary>What was found wrong.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>What the clients were told, by kind.</summary>
    public IReadOnlyDictionary<string, int> Counts => _journal.Count().ToDictionary(pair => (pair.Key.Store == _perQuery.Incarnation ? "query " : "") + pair.Key.Kind, pair => pair.Value);

    public async Task RunAsync()
    {
        await _server.PrepareAsync();
        log($"ready in {(await _server.StartAsync()).TotalSeconds:F1} s");
        var users = await PrepareAsync();
        using var stop = new CancellationTokenSource();
        var publishing = _publisher.RunAsync(BetweenReleases, stop.Token);
        var load = users.Select((user, i) => user.RunAsync(i, stop.Token)).ToArray();
        var random = new Random(42);
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) is var elapsed && (elapsed < plan.Duration || ((Kills < plan.Kills || !HasSeenEverything()) && elapsed < 8 * plan.Duration)))
        {
            var before = _journal.Lines;
            await Task.Delay(plan.ShortestLife + random.NextDouble() * (plan.LongestLife - plan.ShortestLife));
            await _server.KillAsync();
            // A kill counts when clients were being answered.
            Kills += _journal.Lines > before ? 1 : 0;
            await _server.StartAsync();
        }
        await stop.CancelAsync();
        await Task.WhenAll([publishing, .. load]);
        foreach (var user in users)
            await user.SettleAsync();
        await CheckAsync(users);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await _server.DisposeAsync();
        _journal.Dispose();
    }

    private bool HasSeenEverything()
    {
        var counts = Counts;
        return Kinds.All(kind => counts.GetValueOrDefault(kind) >= FewestOfAKind);
    }

    private async Task<LoadUser[]> PrepareAsync()
    {
        var @operator = Connect(_server.OperatorKey ?? throw new InvalidOperationException("the first start printed no operator key"));
        _owner = Connect((await @operator.CreateKeyAsync(new KeyRequest("owner", Roles.Owner))).Key);
        _released = await LoadStore.MakeAsync(_owner, Released, shape, Ladder);
        _perQuery = await LoadStore.MakeAsync(_owner, PerQuery, DrillShape.Of(DrillShape.PerQuery), Prices);
        _publisher = new ReleasePublisher(_owner, _released, _prices, Faults);
        await _publisher.PublishOneAsync("first");
        var users = new List<LoadUser>();
        for (var i = 0; i < plan.Clients; i++)
        {
            var client = Connect((await @operator.CreateKeyAsync(new KeyRequest($"user{i}", Roles.User))).Key);
            // Every fourth may open one release and buy a few answers, and is refused most of the time.
            var isLimited = i % Limited == Limited - 1;
            var budget = await _owner.GrantAsync(Released, $"user{i}", isLimited ? 0.22 : 20);
            await _owner.GrantAsync(PerQuery, $"user{i}", isLimited ? 0.12 : 20);
            users.Add(new LoadUser(client, _released, _perQuery, budget.Account, _journal, _publisher.Releases, Faults));
        }
        return [.. users];
    }

    /// <summary>What the API says in the end, then, of a server that was killed once more, what the tables say.</summary>
    private async Task CheckAsync(LoadUser[] users)
    {
        var told = new Dictionary<(string Store, string Account), long>();
        foreach (var user in users)
        {
            foreach (var store in new[] { _released, _perQuery })
                told[(store.Incarnation, user.Account)] = await user.SpentAsync(store);
        }
        await _server.KillAsync();
        var books = postgres is not null ? LedgerRows.ReadPostgres(postgres) : LedgerRows.ReadSqlite(Path.Combine(directory, "data", "dpattn.db"));
        var journal = _journal.Read();
        foreach (var fault in new LoadChecker(journal, _prices, books).Check())
            Faults.Enqueue(fault);
        foreach (var ((store, account), units) in told)
        {
            if (books.Single(book => book.Store == store && book.Account == account).Spent is var spent && spent != units)
                Faults.Enqueue($"{account}: the API said {units} units, and the ledger has {spent}");
        }
        log($"{Kills} kills, {_publisher.Count} releases, {journal.Count} lines ({string.Join(", ", Counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}"))}), {books.Sum(book => book.Entries.Count)} entries");
    }

    private DpAttentionClient Connect(string key)
    {
        var client = Patience.Connect(_server.Endpoint, key);
        _clients.Add(client);
        return client;
    }
}
