using DpAttn.PostgresServer;
using DpAttn.Server;
using DpAttn.Storage;
using Npgsql;

namespace DpAttn.Testing.Tests;

/// <summary>The tables in which silos find each other: applied once, refused where they are not there or are another's, and changed by one at a time.</summary>
public sealed class MembershipTests : IAsyncLifetime
{
    private string _connection = "";

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        _connection = await (await LocalPostgres.Shared).CreateDatabaseAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Applying_it_again_or_twice_at_once_changes_nothing()
    {
        Assert.Contains("--migrate", (await Assert.ThrowsAsync<StorageRefusedException>(() => MembershipSchema.RequireCurrentAsync(_connection))).Message, StringComparison.Ordinal);
        var found = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => MembershipSchema.ApplyAsync(_connection)));
        Assert.Equal([0, 1, 1, 1], found.Order());
        await MembershipSchema.RequireCurrentAsync(_connection);
        Assert.Equal(10L, await ScalarAsync("SELECT count(*) FROM OrleansQuery"));
    }

    [Fact]
    public async Task What_a_newer_version_wrote_and_what_is_anothers_is_refused()
    {
        await MembershipSchema.ApplyAsync(_connection);
        await LocalPostgres.ExecuteAsync(_connection, "INSERT INTO dpattn_cluster_schema VALUES (99, now())");
        foreach (var attempt in (Func<Task>[])[() => MembershipSchema.RequireCurrentAsync(_connection), () => MembershipSchema.ApplyAsync(_connection)])
            Assert.Contains("newer version", (await Assert.ThrowsAsync<StorageRefusedException>(attempt)).Message, StringComparison.Ordinal);

        _connection = await (await LocalPostgres.Shared).CreateDatabaseAsync();
        await LocalPostgres.ExecuteAsync(_connection, "CREATE TABLE OrleansQuery (QueryKey text)");
        Assert.Contains("orleansquery", (await Assert.ThrowsAsync<StorageRefusedException>(() => MembershipSchema.ApplyAsync(_connection))).Message, StringComparison.OrdinalIgnoreCase);
        // All or nothing.
        Assert.Equal(true, await ScalarAsync("SELECT to_regclass('dpattn_cluster') IS NULL AND to_regclass('dpattn_cluster_schema') IS NULL"));
    }

    [Fact]
    public async Task A_database_that_cannot_be_reached_and_a_text_that_is_none_are_told_without_the_password()
    {
        var lost = await Assert.ThrowsAsync<StorageUnavailableException>(() => MembershipSchema.RequireCurrentAsync("Host=127.0.0.1;Port=1;Username=u;Password=quite-secret;Database=d"));
        var none = await Assert.ThrowsAsync<StorageRefusedException>(() => MembershipSchema.RequireCurrentAsync("Hoost=db;Password=quite-secret"));
        Assert.DoesNotContain("quite-secret", $"{lost}{none}", StringComparison.Ordinal);
    }

    /// <summary>Eight silos that join at once from the same version: one does, and the version moves once; so it is with changes.</summary>
    [Fact]
    public async Task Of_changes_from_one_version_one_is_made()
    {
        await MembershipSchema.ApplyAsync(_connection);
        Assert.Equal(1, await QueryAsync("InsertMembershipVersionKey", 0));
        Assert.Equal(0, await QueryAsync("InsertMembershipVersionKey", 0));
        for (var version = 0; version < 5; version++)
        {
            var joined = await Task.WhenAll(Enumerable.Range(1, 8).Select(silo => QueryAsync("InsertMembershipKey", version, port: 100 * version + silo)));
            Assert.Equal(1, joined.Sum());
            Assert.Equal(version + 1, await ScalarAsync("SELECT Version FROM dpattn_cluster"));
        }
        var port = (int)(await ScalarAsync("SELECT min(Port) FROM dpattn_cluster_member"))!;
        // Again, from the version that it would need: it is there already, and the version stays.
        Assert.Equal(0, await QueryAsync("InsertMembershipKey", 5, port));
        Assert.Equal(0, await QueryAsync("UpdateMembershipKey", 5, port: 9999));
        Assert.Equal(0, await QueryAsync("UpdateMembershipKey", 4, port));
        Assert.Equal(5, await ScalarAsync("SELECT Version FROM dpattn_cluster"));
        Assert.Equal(1, (await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => QueryAsync("UpdateMembershipKey", 5, port)))).Sum());
        Assert.Equal(6, await ScalarAsync("SELECT Version FROM dpattn_cluster"));
        Assert.Equal(5L, await ScalarAsync("SELECT count(*) FROM dpattn_cluster_member"));
        await QueryAsync("CleanupDefunctSiloEntriesKey", 6);
        Assert.Equal(4L, await ScalarAsync("SELECT count(*) FROM dpattn_cluster_member"));
        await QueryAsync("DeleteMembershipTableEntriesKey", 6);
        Assert.Equal(0L, await ScalarAsync("SELECT (SELECT count(*) FROM dpattn_cluster_member) + (SELECT count(*) FROM dpattn_cluster)"));
    }

    /// <summary>Runs a text as the engine would. New members are active, changed ones dead; the time that is cleaned up to is later than all.</summary>
    private async Task<int> QueryAsync(string key, int version, int port = 1)
    {
        await using var source = NpgsqlDataSource.Create(_connection);
        var text = (string)(await ScalarAsync($"SELECT QueryText FROM OrleansQuery WHERE QueryKey = '{key}'"))!;
        await using var command = source.CreateCommand(text);
        var now = DateTime.UtcNow;
        (string Name, object? Value)[] parameters =
        [
            ("DeploymentId", "c"), ("Address", "127.0.0.1"), ("Port", port), ("Generation", 7), ("SiloName", "s"), ("HostName", "h"), ("Status", key == "UpdateMembershipKey" ? 6 : 3), ("ProxyPort", 30000),
            ("SuspectTimes", null), ("StartTime", now), ("IAmAliveTime", key.StartsWith("Cleanup", StringComparison.Ordinal) ? now.AddDays(1) : now), ("Version", version),
        ];
        foreach (var (name, value) in parameters.Where(parameter => text.Contains($"@{parameter.Name}", StringComparison.Ordinal)))
            command.Parameters.Add(new NpgsqlParameter(name, value ?? DBNull.Value));
        return await command.ExecuteScalarAsync() is int changed ? changed : 0;
    }

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(_connection);
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
