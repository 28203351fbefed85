using DpAttn.Client;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Testing.Tests;

/// <summary>A server with a store that a user has opened a tier of, stopped and started on one directory, and the hands of somebody who has its files.</summary>
internal sealed class LedgerOfAServer : IAsyncDisposable
{
    public const string Store = "s";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-ledger-");
    private DpAttnTestCluster? _cluster;
    private LedgerFaults? _faults;
    private string _operatorKey = "";
    private string _ownerKey = "";
    private string _userKey = "";

    public string Data => Path.Combine(_directory.FullName, "data");

    public string DatabaseFile => Path.Combine(Data, SqliteStorage.FileName);

    public string WitnessFile => Path.Combine(_directory.FullName, "data-witness", FileWitness.FileName);

    public string Release { get; private set; } = "";

    public IReadOnlyList<double> Answer { get; private set; } = [];

    public IDpAttentionClient Operator => _cluster!.Connect(_operatorKey);

    public IDpAttentionClient Owner => _cluster!.Connect(_ownerKey);

    public IDpAttentionClient User => _cluster!.Connect(_userKey);

    public string PathOf(string name) => Path.Combine(_directory.FullName, name);

    /// <summary>Starts a server for the first time; a user opens tier 0.</summary>
    public static async Task<LedgerOfAServer> CreateAsync()
    {
        var server = new LedgerOfAServer();
        await server.StartAsync();
        server._operatorKey = server._cluster!.OperatorKey!;
        server._ownerKey = (await server.Operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key;
        server._userKey = (await server.Operator.CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key;
        await server.Owner.EnsureStoreAsync(Store, new StoreDefinition
        {
            KeyDimension = 1,
            ValueDimension = 1,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Ladder = [0.25, 0.5, 1],
            Limit = 4,
            Capacity = 10,
        });
        await server.Owner.AppendAsync(Store, "b", new float[] { 0.5f }, new float[] { 1 }, 1);
        server.Release = (await server.Owner.PublishAsync(Store)).Id;
        await server.Owner.GrantAsync(Store, "ulf", 2);
        server.Answer = (await server.OpenAsync(0)).Outputs[0];
        return server;
    }

    public async Task StartAsync() => _cluster = await DpAttnTestCluster.StartAsync(Data, map: app => _faults = app.Services.GetRequiredService<LedgerFaults>());

    public async Task StopAsync()
    {
        await _cluster!.DisposeAsync();
        _cluster = null;
    }

    /// <summary>The faults that the server's metrics tell once the ledger was looked at: those that are not 0. Asked of the server itself, since a page of metrics tells of all servers of one process.</summary>
    public async Task<IReadOnlyDictionary<string, long>> FaultsAsync()
    {
        for (var tries = 0; ; tries++)
        {
            var faults = _faults!.Measure().Where(fault => fault.Value > 0).ToDictionary(fault => (string)fault.Tags[0].Value!, fault => fault.Value);
            if (!faults.ContainsKey("unverified") || tries == 600)
                return faults;
            await Task.Delay(50);
        }
    }

    public Task<AttendResponse> OpenAsync(int tier) => User.AttendAsync(Store, new float[] { 1 }, new AttendOptions { Release = Release, Tier = tier });

    public Task<AttendResponse> AskAsync() => User.AttendAsync(Store, new float[] { 1 });

    public async Task<(long Units, double Spent)> SpentAsync() => (await User.GetBudgetAsync(Store)) is var budget ? (budget.SpentUnits, budget.Spent) : default;

    public async Task<double> StoreSpentAsync() => (await Owner.ListBudgetsAsync(Store)).Spent;

    /// <summary>Copies the database of a stopped server.</summary>
    public string Copy()
    {
        File.Copy(DatabaseFile, PathOf("old.db"), overwrite: true);
        return PathOf("old.db");
    }

    /// <summary>Changes the database of a stopped server, the triggers out of the way.</summary>
    public void Alter(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"DROP TRIGGER ledger_entry_is_never_changed; DROP TRIGGER ledger_entry_is_never_removed; DROP TRIGGER ledger_book_is_never_removed; {sql}; PRAGMA wal_checkpoint(TRUNCATE)";
        command.ExecuteNonQuery();
    }

    /// <summary>Deletes the last entry of the user's book, with head, sequence and totals made to fit as far as that goes without the key.</summary>
    public void RemoveLastEntry() => Alter("""
        CREATE TEMP TABLE last AS SELECT b.id AS book, e.sequence AS sequence, e.account_mu2 AS mu2, e.account_slack AS slack
            FROM ledger_book b JOIN ledger_entry e ON e.book = b.id WHERE b.account <> '' ORDER BY e.sequence DESC LIMIT 1;
        DELETE FROM ledger_entry WHERE (book, sequence) = (SELECT book, sequence FROM last);
        UPDATE ledger_book SET sequence = sequence - 1, version = version - 1, spent_mu2 = spent_mu2 - (SELECT mu2 FROM last), spent_slack = spent_slack - (SELECT slack FROM last),
            head = (SELECT mac FROM ledger_entry e WHERE e.book = ledger_book.id ORDER BY e.sequence DESC LIMIT 1) WHERE id = (SELECT book FROM last);
        UPDATE ledger_book SET spent_mu2 = spent_mu2 - (SELECT mu2 FROM last), spent_slack = spent_slack - (SELECT slack FROM last) WHERE account = '';
        """);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
