using System.Collections.Concurrent;
using System.Diagnostics;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Drills.Load;

namespace DpAttn.Drills.Rolling;

/// <summary>How large the cluster is, and which way it changes.</summary>
/// <param name="Silos">How many silos.</param>
/// <param name="Clients">How many clients, each with an account of its own.</param>
/// <param name="Between">How long old and new stand beside each other after each process.</param>
/// <param name="Back">Whether it goes back to the old version, and forward again.</param>
internal sealed record RollingPlan(int Silos, int Clients, TimeSpan Between, bool Back);

/// <summary>
/// A cluster that changes its version process by process, in order (SIGTERM), while clients ask, open, buy and repeat, an owner loads and publishes, and a continual release grows. The clients have the SDK's
/// own retries and nothing else: whatever they are told but an answer or a refusal by a budget is a fault.
/// </summary>
internal sealed class RollingDrill(string directory, string previous, RollingPlan plan, Action<string> log) : IAsyncDisposable
{
    private const string Released = "released", PerQuery = "per-query";
    private const int Fronts = 2, BatchRows = 400;
    private static readonly double[] Ladder = [0.05, 0.1, 0.15, 0.2], Prices = [0.05, 0.1];

    // What this house and the engine say of what they cannot read.
    private static readonly string[] Misunderstandings = ["no silo has sent", "this version reads up to", "deserializ", "reading message", "CodecNotFound", "UnsupportedWireType"];
    private static readonly TimeSpan BetweenReleases = TimeSpan.FromSeconds(2);
    private readonly LoadJournal _journal = new(Path.Combine(directory, "journal.jsonl"));
    private readonly ConcurrentDictionary<(string Store, string Release, int Tier), long> _prices = new();
    private readonly List<IDisposable> _clients = [];
    private LocalCluster.Cluster _cluster = null!;
    private FrontAddress _address = null!;
    private IDpAttentionClient _owner = null!;
    private ReleasePublisher _publisher = null!;
    private LoadStore _released = null!, _perQuery = null!;

    /// <summary>What was found wrong.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>What the clients were told, by kind.</summary>
    public IReadOnlyDictionary<string, int> Counts => _journal.Count().ToDictionary(pair => (pair.Key.Store == _perQuery.Incarnation ? "query " : "") + pair.Key.Kind, pair => pair.Value);

    /// <summary>Releases of both versions and of the times between.</summary>
    public int Releases => _publisher.Count;

    public async Task RunAsync()
    {
        _cluster = await LocalCluster.Cluster.StartAsync(LocalCluster.ClusterGround.Loopback with { Program = previous, IsMutual = false }, plan.Silos, Fronts, Listen, ("RequestsPerSecond", "0"));
        _address = new FrontAddress([.. _cluster.Fronts.Select(front => front.Endpoint)]);
        var @operator = Connect(_cluster.OperatorKey);
        _owner = Connect((await @operator.CreateKeyAsync(new KeyRequest("owner", Roles.Owner))).Key);
        var users = await PrepareAsync(@operator);
        var growing = new GrowingStore(_owner, Connect((await @operator.CreateKeyAsync(new KeyRequest("reader", Roles.User))).Key), "reader", Faults);
        await growing.PrepareAsync();

        using var stop = new CancellationTokenSource();
        Task[] load = [Watched("publishing", _publisher.RunAsync(BetweenReleases, stop.Token, AppendAsync)), Watched("growing", growing.RunAsync(stop.Token)), .. users.Select((user, i) => Watched("a client", user.RunAsync(i, stop.Token)))];
        await Task.Delay(plan.Between);
        // A front may ask for what an older silo does not know: silos become new first, and old last.
        await RollAsync([.. _cluster.Silos, .. _cluster.Fronts], AppContext.BaseDirectory, "new");
        if (plan.Back)
        {
            await RollAsync([.. _cluster.Fronts, .. _cluster.Silos], previous, "old");
            await RollAsync([.. _cluster.Silos, .. _cluster.Fronts], AppContext.BaseDirectory, "new");
        }
        await stop.CancelAsync();
        await Task.WhenAll(load);
        foreach (var user in users)
            await user.SettleAsync();
        log($"{growing.Blocks} blocks released");
        await CheckAsync(users);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        _journal.Dispose();
    }

    private async Task RollAsync(LocalCluster.ClusterProcess[] processes, string program, string version)
    {
        foreach (var process in processes)
        {
            var began = Stopwatch.GetTimestamp();
            var code = await process.StopAsync();
            if (code != 0)
                Faults.Enqueue($"{process.Name} ended with {code}");
            var stopped = Stopwatch.GetElapsedTime(began);
            process.ProgramFolder = program;
            await process.StartAsync();
            log($"{process.Name}: stopped in {stopped.TotalSeconds:F1} s, and {version} {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s after it was told to; {_journal.Lines} lines");
            await Task.Delay(plan.Between);
        }
    }

    private async Task<LoadUser[]> PrepareAsync(IDpAttentionClient @operator)
    {
        _released = await LoadStore.MakeAsync(_owner, Released, DrillShape.ForManyClients(DrillShape.DistanceTree), Ladder);
        _perQuery = await LoadStore.MakeAsync(_owner, PerQuery, DrillShape.Of(DrillShape.PerQuery), Prices);
        _publisher = new ReleasePublisher(_owner, _released, _prices, Faults, isPatient: false);
        await _publisher.PublishOneAsync("first");
        var users = new List<LoadUser>();
        for (var i = 0; i < plan.Clients; i++)
        {
            var client = Connect((await @operator.CreateKeyAsync(new KeyRequest($"user{i}", Roles.User))).Key);
            var budget = await _owner.GrantAsync(Released, $"user{i}", 20);
            await _owner.GrantAsync(PerQuery, $"user{i}", 20);
            users.Add(new LoadUser(client, _released, _perQuery, budget.Account, _journal, _publisher.Releases, Faults));
        }
        return [.. users];
    }

    private async Task AppendAsync(int batch)
    {
        var (keys, values) = _released.Shape.Batch(BatchRows, batch + 2);
        await _owner.AppendAsync(Released, $"more-{batch}", keys, values, BatchRows);
    }

    private async Task CheckAsync(LoadUser[] users)
    {
        if (_journal.Read().Count(line => line.Told == JournalLine.GaveUp) is var failed && failed > 0)
            Faults.Enqueue($"{failed} requests failed in spite of the SDK's retries");
        var told = new Dictionary<(string Store, string Account), long>();
        foreach (var user in users)
        {
            foreach (var store in new[] { _released, _perQuery })
                told[(store.Incarnation, user.Account)] = await user.SpentAsync(store);
        }
        foreach (var process in _cluster.Fronts.Concat(_cluster.Silos))
            await process.StopAsync();
        var books = LedgerRows.ReadPostgres(_cluster.Database);
        foreach (var fault in new LoadChecker(_journal.Read(), _prices, books).Check())
            Faults.Enqueue(fault);
        foreach (var ((store, account), units) in told)
        {
            if (books.Single(book => book.Store == store && book.Account == account).Spent is var spent && spent != units)
                Faults.Enqueue($"{account}: the API said {units} units, and the ledger has {spent}");
        }
        log($"{Releases} releases, {_journal.Lines} lines ({string.Join(", ", Counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}"))}), {books.Sum(book => book.Entries.Count)} entries");
    }

    /// <summary>What one part of the load dies of is a fault, told at once.</summary>
    private async Task Watched(string who, Task work)
    {
        try
        {
            await work;
        }
        catch (Exception e)
        {
            Faults.Enqueue($"{who}: {e.Message}");
            log($"{who} ended: {e}");
        }
    }

    /// <summary>Silos of two versions must take each other's calls for theirs, and read each other's rows.</summary>
    private void Listen(string line)
    {
        if (Misunderstandings.Any(said => line.Contains(said, StringComparison.OrdinalIgnoreCase)))
            Faults.Enqueue(line);
    }

    private DpAttentionClient Connect(string key)
    {
        var http = new HttpClient(_address.Handler()) { Timeout = Timeout.InfiniteTimeSpan };
        _clients.Add(http);
        return new DpAttentionClient(http, new DpAttentionOptions { Endpoint = _address.Endpoint, ApiKey = key });
    }
}
