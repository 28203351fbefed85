using System.Diagnostics;
using DpAttn.PostgresServer;
using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What callers are told when the database fails them: before the commit nothing was changed, during it nobody knows, and after it all is there.</summary>
public sealed class OutageTests(OwnServer own) : IClassFixture<OwnServer>
{
    private static readonly CatalogCommit Change = new() { Writes = [new CatalogWrite("kind", "key", 0, new byte[] { 1 })], Audit = [new AuditEvent("test", "someone", null, null, null)] };

    [Fact]
    public async Task A_connection_lost_before_the_commit_is_tried_again()
    {
        var clock = new TrippingClock();
        await using var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync() with { Clock = clock });
        // The clock is asked within the transaction, after its first statements.
        clock.OnNext = TerminateAsync;

        Assert.True(await storage.Catalog.CommitAsync(Change));

        Assert.True(clock.HasTripped);
        Assert.Equal(1, (await storage.Catalog.ReadAsync("kind", "key"))!.Version);
        Assert.Single(await storage.Catalog.ListAuditAsync(0, 10));
    }

    [Fact]
    public async Task A_connection_lost_at_the_commit_leaves_the_outcome_unknown()
    {
        await using var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync());
        storage.Database.BeforeCommit = TerminateAsync;

        var failure = await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => storage.Catalog.CommitAsync(Change));

        Assert.Contains("changing the catalog", failure.Message);
        storage.Database.BeforeCommit = null;
        // It was not made this time, which only asking again can tell.
        Assert.True(await storage.Catalog.CommitAsync(Change));
    }

    [Fact]
    public async Task A_commit_that_is_not_answered_in_time_is_unknown_and_may_have_been_made()
    {
        await using var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync());
        var frozen = 0;
        storage.Database.BeforeCommit = async () => LocalPostgres.Kill("-STOP", frozen = await BackendAsync());

        var start = Stopwatch.GetTimestamp();
        await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => storage.Catalog.CommitAsync(Change));

        // Before a grain's call would give up, at 5 s.
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 2, 4.8);
        storage.Database.BeforeCommit = null;
        LocalPostgres.Kill("-CONT", frozen);
        await WaitUntilAsync(async () => await storage.Catalog.ReadAsync("kind", "key") is not null);
        Assert.False(await storage.Catalog.CommitAsync(Change));
    }

    [Fact]
    public async Task A_commit_that_no_replica_confirmed_is_not_acknowledged()
    {
        var options = await own.MigratedAsync();
        await using var storage = await PostgresStorage.OpenAsync(options);
        Assert.Null(await storage.Catalog.ReadAsync("kind", "key"));
        await own.SetAsync("synchronous_standby_names", "nobody");
        try
        {
            var failure = await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => storage.Catalog.CommitAsync(Change));
            Assert.Contains("unknown", failure.Message);
        }
        finally
        {
            // Only the server's own file, since a change of it by SQL would wait for the replica as well.
            await SetUnconfirmedAsync("ALTER SYSTEM RESET synchronous_standby_names");
            await SetUnconfirmedAsync("SELECT pg_reload_conf()");
        }
        await WaitUntilAsync(async () => await storage.Catalog.ReadAsync("kind", "key") is not null);
    }

    [Fact]
    public async Task A_lock_is_waited_for_half_a_second_and_nothing_is_changed()
    {
        var options = await own.MigratedAsync();
        await using var storage = await PostgresStorage.OpenAsync(options);
        Assert.True(await storage.Catalog.CommitAsync(Change));
        await using var connection = new NpgsqlConnection(options.ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var hold = new NpgsqlCommand("SELECT 1 FROM dpattn_catalog FOR UPDATE", connection, transaction);
        await hold.ExecuteNonQueryAsync();

        var start = Stopwatch.GetTimestamp();
        var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "key", 1, new byte[] { 2 })] }));

        Assert.Contains("lock", failure.Message);
        Assert.Contains("nothing was changed", failure.Message);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.4, 1.9);
        await transaction.RollbackAsync();
        Assert.Equal(1, (await storage.Catalog.ReadAsync("kind", "key"))!.Version);
    }

    [Fact]
    public async Task What_is_given_up_after_it_began_is_unknown_and_before_is_not_done()
    {
        await using var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync() with { Writers = 1 });
        var (reached, free) = (new TaskCompletionSource(), new TaskCompletionSource());
        storage.Database.BeforeCommit = () =>
        {
            reached.TrySetResult();
            return free.Task;
        };
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var begun = storage.Catalog.CommitAsync(Change, first.Token);
        await reached.Task;
        var waiting = storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "other", 0, new byte[1])] }, second.Token);

        await second.CancelAsync();
        await first.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => begun);
        free.SetResult();
        await WaitUntilAsync(async () => await storage.Catalog.ReadAsync("kind", "key") is not null);
        Assert.Null(await storage.Catalog.ReadAsync("kind", "other"));
    }

    [Fact]
    public async Task What_waits_is_bounded_in_number_and_bytes()
    {
        await using var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync() with { Writers = 1, QueueCapacity = 9, QueueBytes = 32 << 20 });
        var free = new TaskCompletionSource();
        storage.Database.BeforeCommit = () => free.Task;
        var begun = storage.Catalog.CommitAsync(Change);
        await WaitUntilAsync(async () => await BackendAsync() != 0);
        var large = Enumerable.Range(0, 8).Select(i => storage.Segments.PutAsync(new BlobKey(new("s"), BlobKind.Node, $"{i}"), new byte[4 << 20])).ToArray();

        await Assert.ThrowsAsync<StorageBusyException>(() => storage.Segments.PutAsync(new BlobKey(new("s"), BlobKind.Node, "one more"), new byte[1]));
        var ninth = storage.Catalog.CommitAsync(new CatalogCommit());
        await Assert.ThrowsAsync<StorageBusyException>(() => storage.Catalog.CommitAsync(new CatalogCommit()));

        free.SetResult();
        Assert.True(await begun && await ninth);
        await Task.WhenAll(large);
        Assert.True(await storage.Catalog.CommitAsync(new CatalogCommit()));
    }

    [Fact]
    public async Task After_a_crash_of_the_server_everything_acknowledged_is_there_and_clients_go_on_by_themselves()
    {
        await using var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync());
        using var stop = new CancellationTokenSource();
        var failures = 0;
        var clients = Enumerable.Range(0, 6).Select(client => Task.Run(async () =>
        {
            var acknowledged = new List<string>();
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var key = $"{client}/{i}";
                try
                {
                    if (await storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", key, 0, new byte[] { 1 })] }))
                        acknowledged.Add(key);
                }
                catch (StorageException)
                {
                    Interlocked.Increment(ref failures);
                    await Task.Delay(20);
                }
            }
            return acknowledged;
        })).ToArray();
        await Task.Delay(300);
        own.Server.Stop(crash: true);
        await Task.Delay(200);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.Catalog.ReadAsync("kind", "key"));
        await own.Server.StartAgainAsync();
        await Task.Delay(500);
        await stop.CancelAsync();
        var acknowledged = (await Task.WhenAll(clients)).SelectMany(keys => keys).ToList();

        Assert.True(failures > 0);
        var stored = (await storage.Catalog.ListAsync("kind", "", null, 1_000_000)).Select(row => row.Key).ToHashSet();
        Assert.All(acknowledged, key => Assert.Contains(key, stored));
        Assert.True(await storage.Catalog.CommitAsync(Change));
    }

    [Fact]
    public async Task What_comes_after_closing_is_refused()
    {
        var storage = await PostgresStorage.OpenAsync(await own.MigratedAsync());
        await storage.DisposeAsync();
        await storage.DisposeAsync();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.Catalog.CommitAsync(new CatalogCommit()));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.Catalog.ReadAsync("kind", "key"));
    }

    /// <summary>The process that serves the transaction that waits for its client, or 0.</summary>
    private async Task<int> BackendAsync()
    {
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE application_name = 'dpattn' AND state = 'idle in transaction'", connection);
        return (int)(await command.ExecuteScalarAsync())!;
    }

    private async Task TerminateAsync() => await own.AdministerAsync($"SELECT pg_terminate_backend({await BackendAsync()}, 2000)");

    private async Task SetUnconfirmedAsync(string sql)
    {
        await using var connection = new NpgsqlConnection($"{own.Server.ConnectionString("postgres")};Pooling=false;Options=-c synchronous_commit=local");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> isTrue)
    {
        for (var i = 0; i < 500; i++)
        {
            if (await isTrue())
                return;
            await Task.Delay(20);
        }
        Assert.Fail("it did not come to that within 10 s");
    }

    /// <summary>A clock that does something the first time it is asked.</summary>
    private sealed class TrippingClock : TimeProvider
    {
        public Func<Task>? OnNext { get; set; }

        public bool HasTripped { get; private set; }

        public override DateTimeOffset GetUtcNow()
        {
            if (OnNext is { } action)
            {
                OnNext = null;
                HasTripped = true;
                action().GetAwaiter().GetResult();
            }
            return DateTimeOffset.UnixEpoch;
        }
    }
}
