using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;

namespace DpAttn.Testing.Tests;

/// <summary>A whole server on a PostgreSQL database: nothing of it is in the process, so a restart, and a server that takes over on the same database, go on where it was.</summary>
public sealed class PostgresServerTests : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-postgres-server-");
    private string _connection = "";
    private string _witness = "";

    private static StoreDefinition Definition => new()
    {
        KeyDimension = 2,
        ValueDimension = 1,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Ladder = [0.25, 0.5, 1],
        Limit = 4,
        Capacity = 1000,
    };

    private string Keys => Path.Combine(_directory.FullName, "keys");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        _connection = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        KeyFile.LoadOrCreate(Keys);
    }

    public ValueTask DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_store_is_loaded_published_and_asked_and_a_restart_keeps_answers_and_what_was_spent()
    {
        Assert.Equal(0, await MigrateAsync());
        string ownerKey, userKey;
        IReadOnlyList<double> answer;
        double spent;
        await using (var first = await StartAsync())
        {
            var operatorKey = first.OperatorKey!;
            ownerKey = (await first.Connect(operatorKey).CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key;
            userKey = (await first.Connect(operatorKey).CreateKeyAsync(new KeyRequest("ulf", Roles.User))).Key;
            var owner = first.Connect(ownerKey);
            await owner.EnsureStoreAsync("s", Definition);
            for (var batch = 0; batch < 3; batch++)
                await owner.AppendAsync("s", $"batch-{batch}", Enumerable.Range(0, 200).Select(i => i % 2 == 0 ? 0.6f : -0.3f).ToArray(), Enumerable.Repeat(0.5f, 100).ToArray(), 100);
            Assert.Equal("published", (await owner.PublishAsync("s")).State);
            await owner.GrantAsync("s", "ulf", 2);
            var user = first.Connect(userKey);
            answer = (await user.AttendAsync("s", new float[] { 0.5f, 0.1f }, new AttendOptions { MaxEpsilon = 0.5 })).Outputs[0];
            spent = (await user.GetBudgetAsync("s")).Spent;
            Assert.True(spent > 0);
        }
        // Another data directory, as on another machine: only the database and the keys are what they were.
        await using var second = await StartAsync("elsewhere");
        Assert.Null(second.OperatorKey);
        var again = second.Connect(userKey);
        Assert.Equal(answer, (await again.AttendAsync("s", new float[] { 0.5f, 0.1f }, new AttendOptions())).Outputs[0]);
        Assert.Equal(spent, (await again.GetBudgetAsync("s")).Spent);
        Assert.Equal(300, (await second.Connect(ownerKey).GetStoreAsync("s")).Slots);
    }

    [Fact]
    public async Task A_database_whose_schema_was_not_applied_is_not_served()
    {
        var refusal = await Assert.ThrowsAsync<StorageRefusedException>(() => StartAsync());
        Assert.Contains("DpAttn.Server --migrate", refusal.Message);
        Assert.DoesNotContain((await LocalPostgres.Shared).Password, $"{refusal}");
        Assert.Equal(1, await DpAttnServer.RunAsync([.. Settings(), "--DpAttn:Listen=http://127.0.0.1:0", "--DpAttn:AdminListen="]));

        Assert.Equal(0, await MigrateAsync());
        Assert.Equal(0, await MigrateAsync());

        await using var server = await StartAsync();
        Assert.NotNull(server.OperatorKey);
    }

    [Fact]
    public async Task A_lost_operator_key_is_replaced_while_the_server_runs_and_the_log_says_so()
    {
        await MigrateAsync();
        await using var server = await StartAsync();
        var (output, before) = (new StringWriter(), Console.Out);
        Console.SetOut(output);
        try
        {
            Assert.Equal(0, await DpAttnServer.RunAsync([DpAttnServer.RecoverFlag, .. Settings()]));
        }
        finally
        {
            Console.SetOut(before);
        }
        // Other tests may write to the same place meanwhile.
        var key = output.ToString().Split('\n').Select(line => line.Trim()).Single(line => line.StartsWith("dpattn_", StringComparison.Ordinal));
        var actors = new List<string>();
        await foreach (var line in server.Connect(key).ListAuditAsync())
            actors.Add(line.Actor);
        Assert.Equal(["bootstrap", "bootstrap"], actors);
    }

    [Fact]
    public async Task A_witness_in_a_database_is_migrated_with_the_storage_and_serves_whichever_machine_takes_over()
    {
        _witness = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        Assert.Equal(0, await MigrateAsync());
        string ownerKey;
        await using (var first = await StartAsync())
        {
            ownerKey = (await first.Connect(first.OperatorKey!).CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key;
            await first.Connect(first.OperatorKey!).CreateKeyAsync(new KeyRequest("ulf", Roles.User));
            await first.Connect(ownerKey).EnsureStoreAsync("s", Definition);
        }
        Assert.False(Directory.Exists(Path.Combine(_directory.FullName, "witness")));
        await using (var second = await StartAsync("elsewhere"))
            await second.Connect(ownerKey).GrantAsync("s", "ulf", 2);
        // Without it nothing is charged, whoever starts.
        await LocalPostgres.ExecuteAsync(_witness, "SET session_replication_role = replica; DELETE FROM dpattn_witness");
        await using var third = await StartAsync("elsewhere");
        var refusal = await Assert.ThrowsAsync<DpAttentionException>(() => third.Connect(ownerKey).GrantAsync("s", "ulf", 1));
        Assert.Equal("ledger_closed", refusal.Code);
    }

    [Fact]
    public async Task A_witness_whose_tables_were_not_made_or_in_the_ledgers_own_database_is_not_started_with()
    {
        await MigrateAsync();
        _witness = $"{_connection};Application Name=other";
        Assert.Equal(1, await MigrateAsync());
        Assert.Contains("the ledger's own database", (await Assert.ThrowsAsync<StorageRefusedException>(() => StartAsync())).Message);
        _witness = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        var refusal = await Assert.ThrowsAsync<StorageRefusedException>(() => StartAsync());
        Assert.Contains("the ledger's witness has no tables", refusal.Message);
        Assert.Contains("--migrate", refusal.Message);
    }

    [Fact]
    public async Task Migrating_what_cannot_be_reached_fails()
    {
        _connection = "Host=127.0.0.1;Port=1;Username=u;Password=p;Database=d";
        Assert.Equal(1, await MigrateAsync());
        _connection = "";
        Assert.Equal(2, await MigrateAsync());
    }

    private Task<DpAttnTestCluster> StartAsync(string data = "data") => DpAttnTestCluster.StartAsync(
        Path.Combine(_directory.FullName, data),
        options =>
        {
            (options.Storage, options.PostgresConnection, options.KeyFile) = (ServerOptions.Postgres, _connection, Keys);
            options.WitnessConnection = _witness;
            options.WitnessDirectory = _witness.Length > 0 ? "" : Path.Combine(_directory.FullName, "witness");
        });

    private Task<int> MigrateAsync() => DpAttnServer.RunAsync([DpAttnServer.MigrateFlag, .. Settings()]);

    private string[] Settings() =>
    [
        $"--{ServerOptions.Section}:{nameof(ServerOptions.Storage)}={ServerOptions.Postgres}", $"--{ServerOptions.Section}:{nameof(ServerOptions.PostgresConnection)}={_connection}",
        $"--{ServerOptions.Section}:{nameof(ServerOptions.KeyFile)}={Keys}", $"--{ServerOptions.Section}:{nameof(ServerOptions.WitnessConnection)}={_witness}", $"--{ServerOptions.Section}:{nameof(ServerOptions.DataDirectory)}={Path.Combine(_directory.FullName, "data")}",
    ];
}
