using DpAttn.PostgresServer;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>A server of one test class, which its tests may stop, freeze and misconfigure.</summary>
public sealed class OwnServer : IAsyncLifetime
{
    private LocalPostgres? _server;

    /// <summary>The server; skips the test where none can run.</summary>
    public LocalPostgres Server
    {
        get
        {
            Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
            return _server!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (LocalPostgres.Missing is null)
            _server = await LocalPostgres.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    /// <summary>Options of a fresh database with its tables.</summary>
    public async Task<PostgresStorageOptions> MigratedAsync()
    {
        var options = new PostgresStorageOptions { Keys = PostgresUnderTest.Keys, ConnectionString = await Server.CreateDatabaseAsync() };
        await PostgresStorage.MigrateAsync(options);
        return options;
    }

    /// <summary>Runs statements as the administrator.</summary>
    public async Task AdministerAsync(params string[] statements)
    {
        foreach (var sql in statements)
            await LocalPostgres.ExecuteAsync(Server.ConnectionString("postgres"), sql);
    }

    /// <summary>Changes a setting of the running server and waits until a new connection sees it.</summary>
    public async Task SetAsync(string name, string value)
    {
        await AdministerAsync($"ALTER SYSTEM SET {name} = '{value}'", "SELECT pg_reload_conf()");
        await AdministerAsync($"DO $$ BEGIN FOR i IN 1..500 LOOP EXIT WHEN current_setting('{name}') = '{value}'; PERFORM pg_sleep(0.01); END LOOP; END $$");
        await Task.Delay(50);
    }
}
