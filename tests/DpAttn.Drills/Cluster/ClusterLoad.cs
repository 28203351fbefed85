using System.Collections.Concurrent;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Drills.Load;
using DpAttn.LocalCluster;

namespace DpAttn.Drills;

/// <summary>
/// Load on a cluster from clients of the SDK with an account each, and from probes without retries, while its owner appends and publishes; afterwards two checkers that believe the clients' journal and
/// read the database by its tables.
/// </summary>
internal sealed class ClusterLoad(LocalCluster.Cluster cluster, string directory, ClusterLoadPlan plan, Action<string> log) : IAsyncDisposable
{
    private const int Limited = 4, BatchRows = 10_000, SmallRows = 400, AppendedRows = 50;
    private static readonly double[] Ladder = [0.05, 0.1, 0.15, 0.2], Prices = [0.02, 0.04];
    private static readonly TimeSpan BetweenReleases = TimeSpan.FromSeconds(8), BetweenAppends = TimeSpan.FromSeconds(2), Calm = TimeSpan.FromSeconds(2), CalmPatience = TimeSpan.FromSeconds(60);

    private readonly LoadJournal _journal = new(Path.Combine(directory, "journal.jsonl"));
    private readonly ConcurrentQueue<Attempt> _attempts = new();
    private readonly ConcurrentQueue<BatchLine> _acknowledged = new();
    private readonly ConcurrentDictionary<(string Store, string Release, int Tier), long> _prices = new();
    private readonly List<IDisposable> _connections = [];
    private readonly List<ClusterUser> _users = [];
    private readonly List<Probes> _probes = [];
    private readonly List<Disturbance> _disturbances = [];
    private readonly ConcurrentQueue<ProcessEnd> _ends = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly DateTimeOffset _began = DateTimeOffset.UtcNow;
    private IDpAttentionClient _owner = null!;
    private ClusterStores _stores = null!;
    private ReleasePublisher _opening = null!;
    private Task[] _running = [];

    /// <summary>What was found wrong.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>What the clients were told, by kind.</summary>
    public IReadOnlyDictionary<string, int> Counts => _journal.Count().GroupBy(pair => (pair.Key.Store == _stores.PerQuery.Incarnation ? "query " : "") + pair.Key.Kind).ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value));

    /// <summary>Loads, publishes, grants, and opens what is attended to.</summary>
    public async Task PrepareAsync()
    {
        var @operator = Connect(cluster.OperatorKey, isPatient: true);
        _owner = Connect((await @operator.CreateKeyAsync(new KeyRequest("owner", Roles.Owner))).Key, isPatient: true);
        var (moments, distances) = (new DrillShape(new MechanismDefinition(DrillShape.MomentTree), 16, 8), DrillShape.ForManyClients(DrillShape.DistanceTree));
        _stores = new ClusterStores(
            await MakeAsync("rows", moments, Ladder, plan.Rows),
            await MakeAsync("distances", distances, Ladder, 4 * SmallRows),
            await MakeAsync("opening", moments, Ladder, SmallRows),
            await MakeAsync("per-query", moments with { Mechanism = new MechanismDefinition(DrillShape.PerQuery) }, Prices, 4 * SmallRows));
        _opening = Publisher(_stores.Opening);
        ReleasePublisher[] publishers = [Publisher(_stores.Rows), Publisher(_stores.Distances), _opening];
        foreach (var publisher in publishers)
            await publisher.PublishOneAsync("first");
        log($"{plan.Rows} rows loaded and published after {(DateTimeOffset.UtcNow - _began).TotalSeconds:F0} s");
        (LoadStore, string)[] published = [.. publishers[..2].Select(publisher => (publisher.Store, publisher.Releases()[0]))];
        for (var i = 0; i < plan.Clients + plan.Probes; i++)
        {
            var isProbe = i >= plan.Clients;
            var name = isProbe ? $"probe{i}" : $"user{i}";
            var client = Connect((await @operator.CreateKeyAsync(new KeyRequest(name, Roles.User))).Key, isProbe: isProbe, front: i % cluster.Fronts.Count);
            // Every fourth may open one release and buy a few answers, and is refused most of the time.
            var isLimited = !isProbe && i % Limited == Limited - 1;
            await _owner.GrantAsync(_stores.Rows.Name, name, 2);
            await _owner.GrantAsync(_stores.Distances.Name, name, 2);
            await _owner.GrantAsync(_stores.PerQuery.Name, name, isLimited ? 0.05 : 20);
            var asking = new AskingClient(client, (await _owner.GrantAsync(_stores.Opening.Name, name, isLimited ? 0.22 : 20)).Account, isProbe, _journal, Faults.Enqueue);
            if (isProbe)
            {
                _probes.Add(new Probes(asking, _stores, i - plan.Clients + 1, plan.ProbePace));
                await _probes[^1].OpenAsync(published);
                continue;
            }
            _users.Add(new ClusterUser(asking, _stores, _opening.Releases, plan.Pause, Faults));
            await _users[^1].OpenAsync(published, name);
        }
    }

    public void Begin() => _running =
    [
        _opening.RunAsync(BetweenReleases, _stop.Token), AppendAsync(),
        .. _users.Select((user, i) => user.RunAsync(i, _stop.Token)), .. _probes.Select(probe => probe.RunAsync(_stop.Token)),
    ];

    /// <summary>Waits until nothing that was done before has anything to do with what is done next: probes are answered, and the calls of before have ended.</summary>
    /// <param name="ofProbes">Whether probes alone are waited for.</param>
    /// <returns>How long it took until probes were answered.</returns>
    public async Task<TimeSpan> CalmAsync(bool ofProbes = false)
    {
        var began = DateTimeOffset.UtcNow;
        while (true)
        {
            var from = DateTimeOffset.UtcNow;
            await Task.Delay(Calm);
            var probed = _probes.SelectMany(probe => probe.Lines).Where(line => line.Began >= from).ToArray();
            var isCalm = probed.Length > 0 && probed.All(line => line.Failure is null);
            if (isCalm && ofProbes)
                return from - began;
            while (isCalm && _users.Any(user => user.CallBegan < from) && DateTimeOffset.UtcNow - began < CalmPatience)
                await Task.Delay(50);
            if (isCalm && _users.All(user => user.CallBegan >= from))
                return from - began;
            if (DateTimeOffset.UtcNow - began >= CalmPatience)
            {
                Faults.Enqueue($"calls were not answered again within {CalmPatience.TotalSeconds} s before {DateTimeOffset.UtcNow:HH:mm:ss}");
                return CalmPatience;
            }
        }
    }

    /// <summary>Does something while nothing is published: each publish has every silo look again at who may what, which it cannot while the database is away.</summary>
    public async Task WithoutPublishesAsync(Func<Task> work)
    {
        await _opening.PauseAsync();
        try
        {
            // Every silo has looked again by then, at the latest when the work has begun.
            await Task.Delay(TimeSpan.FromSeconds(2));
            await work();
        }
        finally
        {
            _opening.Resume();
        }
    }

    /// <summary>Writes down what was done.</summary>
    public void Add(Disturbance disturbance)
    {
        _disturbances.Add(disturbance);
        log($"{(disturbance.Began - _began).TotalSeconds:F0} s: {disturbance.Kind} {disturbance.What}, {(disturbance.Ended - disturbance.Began).TotalSeconds:F1} s");
    }

    /// <summary>Writes down that a process ended that was not killed, if it did.</summary>
    public void Add(EndReason reason, ClusterProcess process)
    {
        if (process.EndedBy is { } code)
            _ends.Enqueue(new ProcessEnd(process.Name, reason, code, DateTimeOffset.UtcNow));
    }

    /// <summary>Stops a process in order, and writes down how it ended.</summary>
    public async Task StopAsync(ClusterProcess process) => _ends.Enqueue(new ProcessEnd(process.Name, EndReason.Told, await process.StopAsync(), DateTimeOffset.UtcNow));

    /// <summary>How long keys have been away since something was done that lasts.</summary>
    /// <returns>By key; a key that was not asked has all the time.</returns>
    public IReadOnlyDictionary<string, TimeSpan> AwaySince(Disturbance disturbance)
    {
        var away = Outages.Of(disturbance, _probes.SelectMany(probe => probe.Lines));
        return _probes.SelectMany(probe => probe.Keys).ToDictionary(key => key, key => away.GetValueOrDefault(key, disturbance.Watched - disturbance.Began));
    }

    /// <summary>Calls for answers that are charged one by one, without retries, that were made since then and failed.</summary>
    public int ChargesFailedSince(DateTimeOffset from) =>
        _probes.Sum(probe => probe.Lines.Count(line => line.Key == probe.KeyOf(_stores.PerQuery) && line.Began >= from && line.Failure is not null));

    /// <summary>Ends the load, stops the silos, and compares.</summary>
    public async Task EndAsync(ClusterBounds bounds)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        var told = new Dictionary<(string Store, string Account), long>();
        foreach (var user in _users)
        {
            await user.SettleAsync();
            foreach (var store in _stores.All)
                told[(store.Incarnation, user.Account)] = await user.LookAsync(store) ?? -1;
        }
        foreach (var process in cluster.Silos.Concat(cluster.Fronts))
            Add(EndReason.ByItself, process);
        foreach (var silo in cluster.Silos.Where(silo => silo.IsRunning))
            await StopAsync(silo);
        var (books, stored, journal) = (LedgerRows.ReadPostgres(cluster.Database), await StoredBatches.ReadAsync(cluster.Database), _journal.Read());
        ProbeLine[] probes = [.. _probes.SelectMany(probe => probe.Lines)];
        var record = new ClusterRecord
        {
            Journal = journal,
            Attempts = _attempts,
            Probes = probes,
            Keys = [.. _probes.SelectMany(probe => probe.Keys)],
            OpenStores = [_stores.Rows.Incarnation, _stores.Distances.Incarnation],
            Disturbances = _disturbances,
            Ends = _ends,
            Acknowledged = _acknowledged,
            Stored = stored,
        };
        foreach (var fault in (string[])[.. new LoadChecker(journal, _prices, books).Check(), .. new ClusterChecker(record, bounds).Check()])
            Faults.Enqueue(fault);
        foreach (var ((store, account), units) in told)
        {
            if (books.Single(book => book.Store == store && book.Account == account).Spent is var spent && spent != units)
                Faults.Enqueue($"{account}: the API said {units} units, and the ledger has {spent}");
        }
        foreach (var row in DisturbanceTable.Rows(_began, _disturbances, probes, journal))
            log(row);
        log($"""
            {_disturbances.Count} disturbances in {(DateTimeOffset.UtcNow - _began).TotalSeconds:F0} s; {_acknowledged.Count} batches of {_acknowledged.Sum(batch => (long)batch.Rows)} rows, {_opening.Count} releases to open,
            {journal.Count} answers ({string.Join(", ", Counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}"))}), {books.Sum(book => book.Entries.Count)} entries of the ledger, {_attempts.Count} requests, the longest {_attempts.Max(attempt => attempt.Ended - attempt.Began).TotalSeconds:F1} s
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var connection in _connections)
            connection.Dispose();
        _journal.Dispose();
        _stop.Dispose();
    }

    private ReleasePublisher Publisher(LoadStore store) => new(_owner, store, _prices, Faults);

    private async Task<LoadStore> MakeAsync(string name, DrillShape shape, double[] ladder, int rows)
    {
        var made = await _owner.EnsureStoreAsync(name, shape.Define(ladder, limit: 22));
        var store = new LoadStore(name, made.Incarnation, ladder.Length, shape);
        for (var first = 0; first < rows; first += BatchRows)
            await AppendAsync(store, $"batch-{first}", Math.Min(BatchRows, rows - first), seed: first);
        return store;
    }

    /// <summary>Rows all the while: whatever is acknowledged is there afterwards.</summary>
    private async Task AppendAsync()
    {
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            await AppendAsync(_stores.Opening, $"more-{i}", AppendedRows, seed: 1_000_000 + i);
            await Task.Delay(BetweenAppends, CancellationToken.None);
        }
    }

    private async Task AppendAsync(LoadStore store, string batch, int rows, int seed)
    {
        var (keys, values) = store.Shape.Batch(rows, seed);
        var result = await Patience.UntilAnsweredAsync(() => _owner.AppendAsync(store.Name, batch, keys, values, rows));
        _acknowledged.Enqueue(new BatchLine(store.Incarnation, batch, result.FirstSlot, rows));
    }

    private DpAttentionClient Connect(string key, bool isPatient = false, bool isProbe = false, int front = 0)
    {
        var http = new HttpClient(new Attempts(_attempts)) { Timeout = Timeout.InfiniteTimeSpan };
        var options = new DpAttentionOptions { Endpoint = cluster.Fronts[front].Endpoint, ApiKey = key, AllowPlainHttp = true };
        if (isPatient)
            options.MaxRetries = 20;
        else if (isProbe)
            options.MaxRetries = 0;
        var client = new DpAttentionClient(http, options);
        _connections.AddRange([client, http]);
        return client;
    }
}
