using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Guard;
using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>The witness in a PostgreSQL database, which several processes tell at once.</summary>
public sealed class PostgresWitnessTests : WitnessConformance
{
    private string? _connection;

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Beginning_anew_keeps_the_marks_of_before()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);
        Assert.True(await witness.BeginAsync(new WitnessIdentity("witness-2", "database-1"), Identity));
        await witness.RaiseAsync([Step(null, Mark(1, 10))]);
        Assert.Equal("1:5 2:1", await ScalarAsync("SELECT string_agg(generation || ':' || version, ' ' ORDER BY generation) FROM dpattn_witness_mark"));
    }

    [Fact]
    public async Task Of_several_who_begin_at_once_one_does()
    {
        await using var other = await OpenAsync();
        var witnesses = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => OpenAsync()));
        var begun = await Task.WhenAll(witnesses.Select((witness, i) => witness.BeginAsync(new WitnessIdentity($"witness-{i}", "database-1"), null)));
        Assert.Single(begun, true);
        foreach (var witness in witnesses)
        {
            Assert.Equal($"witness-{begun.IndexOf(true)}", (await witness.ReadIdentityAsync())!.Witness);
            await witness.DisposeAsync();
        }
    }

    [Fact]
    public async Task No_mark_goes_to_a_witness_that_another_process_has_begun_since()
    {
        await using var witness = await BeginAsync();
        await using var other = await OpenAsync();
        await witness.RaiseAsync([Step(null, Mark(1, 10))]);
        Assert.True(await other.BeginAsync(new WitnessIdentity("witness-2", "database-2"), Identity));

        Assert.Contains("begun anew", (await Assert.ThrowsAsync<StorageUnavailableException>(() => witness.RaiseAsync([Step(Mark(1, 10), Mark(2, 20))]))).Message);
        // What it had seen is still what this process reads, until it asks which witness this is.
        RequireSame(Mark(1, 10), await witness.FindAsync(Store, Alice));
        Assert.Equal("witness-2", (await witness.ReadIdentityAsync())!.Witness);
        Assert.Null(await witness.FindAsync(Store, Alice));
        Assert.Empty(await witness.RaiseAsync([Step(null, Mark(2, 20))]));
    }

    /// <summary>Each book is one chain of states; whatever two writers say in whatever order, a mark is only ever replaced by whoever names it, so none is lost and every change is seen once.</summary>
    [Fact]
    public async Task Two_writers_who_race_for_the_same_books_lose_no_step_and_wait_for_nobody_for_long()
    {
        await using var first = await BeginAsync();
        await using var second = await OpenAsync();
        var accounts = Enumerable.Range(0, 40).Select(i => new AccountId($"account-{i}")).ToArray();
        var won = await Task.WhenAll(RaceAsync(first, 1), RaceAsync(second, 2));

        // Every book counted its steps one by one: as many as were won.
        var marks = await first.ListAsync(Store, null, 1000);
        Assert.Equal(accounts.Length, marks.Count);
        Assert.Equal(won.Sum(), marks.Sum(mark => mark.Version));
        Assert.Equal(won.Sum(), marks.Sum(mark => mark.Spent.MuSquared));
        Assert.InRange(won.Sum(), 1000, 4800);

        // Both want all books, in opposite orders, and guess at what is there from what they were told last.
        async Task<int> RaceAsync(ILedgerWitness witness, byte writer)
        {
            var known = new Dictionary<AccountId, WitnessMark>();
            var count = 0;
            for (var round = 0; round < 60; round++)
            {
                var steps = (writer == 1 ? accounts : accounts.Reverse()).Select(account =>
                {
                    var from = known.GetValueOrDefault(account);
                    return Step(from, new WitnessMark(Store, account, (from?.Version ?? 0) + 1, new PrivacyAmount((from?.Spent.MuSquared ?? 0) + 1, 0), Enumerable.Repeat(writer, 32).ToArray()));
                }).ToList();
                var conflicts = (await witness.RaiseAsync(steps)).ToDictionary(mark => mark.Account!.Value);
                foreach (var step in steps)
                {
                    count += conflicts.ContainsKey(step.To.Account!.Value) ? 0 : 1;
                    known[step.To.Account.Value] = conflicts.GetValueOrDefault(step.To.Account.Value, step.To);
                }
            }
            return count;
        }
    }

    [Fact]
    public async Task The_database_itself_keeps_a_mark_from_going_back_or_away()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);
        foreach (var sql in new[]
        {
            "UPDATE dpattn_witness_mark SET version = 4", "UPDATE dpattn_witness_mark SET version = 6, spent_mu2 = 1", "UPDATE dpattn_witness_mark SET account = 'bob'",
            "DELETE FROM dpattn_witness_mark", "TRUNCATE dpattn_witness_mark", "DELETE FROM dpattn_witness", "UPDATE dpattn_witness SET witness = 'x'",
        })
        {
            Assert.Contains("only moves forward", (await Assert.ThrowsAsync<PostgresException>(() => LocalPostgres.ExecuteAsync(_connection!, sql))).MessageText);
        }
    }

    [Fact]
    public async Task One_that_is_damaged_is_lost_until_it_is_begun_anew()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);
        await LocalPostgres.ExecuteAsync(_connection!, "SET session_replication_role = replica; UPDATE dpattn_witness_mark SET spent_mu2 = 10");
        await Assert.ThrowsAsync<StorageCorruptException>(() => witness.FindAsync(Store, Alice));
        Assert.Null(await witness.ReadIdentityAsync());
        await Assert.ThrowsAsync<StorageUnavailableException>(() => witness.RaiseAsync([Step(Mark(5, 50), Mark(6, 60))]));
        Assert.True(await witness.BeginAsync(Identity with { Witness = "witness-2" }, null));
        Assert.Empty(await witness.RaiseAsync([Step(null, Mark(6, 60))]));

        await LocalPostgres.ExecuteAsync(_connection!, "SET session_replication_role = replica; UPDATE dpattn_witness SET database = 'database-9' WHERE generation = 2");
        Assert.Null(await witness.ReadIdentityAsync());
        await LocalPostgres.ExecuteAsync(_connection!, "SET session_replication_role = replica; DELETE FROM dpattn_witness");
        await using var again = await OpenAsync();
        Assert.Null(await again.ReadIdentityAsync());
    }

    /// <summary>A name with a byte that no id has, or an amount below zero, is damage as any other: never an exception that nobody expects.</summary>
    [Theory]
    [InlineData("account = 'al\u00ffce'", "al\u00ffce")]
    [InlineData("store = 'st\u00ffre'", "st\u00ffre")]
    [InlineData("spent_mu2 = -5", "-5")]
    public async Task One_whose_names_or_amounts_are_damaged_is_lost_as_well(string damage, string hidden)
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);
        await LocalPostgres.ExecuteAsync(_connection!, $"SET session_replication_role = replica; UPDATE dpattn_witness_mark SET {damage}");
        var store = damage.StartsWith("store", StringComparison.Ordinal);
        var failure = await Assert.ThrowsAsync<StorageCorruptException>(store ? () => witness.ListStoresAsync(null, 10) : () => witness.ListAsync(Store, null, 10));
        Assert.DoesNotContain(hidden, $"{failure}");
        Assert.Null(await witness.ReadIdentityAsync());
    }

    [Fact]
    public async Task Without_its_tables_or_with_newer_ones_it_is_not_opened()
    {
        var connection = await PostgresUnderTest.CreateSchemaAsync();
        var refusal = await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresWitness.OpenAsync(connection));
        Assert.Contains("witness has no tables", refusal.Message);
        Assert.Contains("--migrate", refusal.Message);
        var found = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostgresWitness.MigrateAsync(connection)));
        Assert.Single(found, result => result.Found == 0);
        Assert.All(found, result => Assert.Equal(PostgresWitness.SchemaVersion, result.Now));
        await LocalPostgres.ExecuteAsync(connection, "INSERT INTO dpattn_witness_schema_version VALUES (99, 0)");
        foreach (var action in new Func<Task>[] { () => PostgresWitness.OpenAsync(connection), () => PostgresWitness.MigrateAsync(connection) })
            Assert.Contains("witness has schema version 99", (await Assert.ThrowsAsync<StorageRefusedException>(action)).Message);
    }

    protected override async Task<ILedgerWitness> OpenAsync()
    {
        if (_connection is null)
        {
            _connection = await PostgresUnderTest.CreateSchemaAsync();
            await PostgresWitness.MigrateAsync(_connection);
        }
        return await PostgresWitness.OpenAsync(_connection);
    }

    private async Task<string> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection($"{_connection};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return $"{await command.ExecuteScalarAsync()}";
    }
}
