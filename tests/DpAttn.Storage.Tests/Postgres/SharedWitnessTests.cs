using System.Diagnostics;
using DpAttn.PostgresServer;
using static DpAttn.Storage.Tests.Postgres.SharedLedger;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>Several processes of one database share a witness: none keeps another from charging, none takes another's late word for an older copy, and an older copy is found whoever uses it.</summary>
public sealed class SharedWitnessTests(TwoServers servers) : IClassFixture<TwoServers>
{
    [Fact]
    public async Task Processes_that_start_at_once_for_the_very_first_time_are_paired_with_one_witness()
    {
        for (var round = 0; round < 5; round++)
        {
            await using var ledger = await CreateAsync(servers);
            var started = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => ledger.StartAsync())));
            await started[0].Storage.Ledger.CreateStoreAsync(Store, Limit);
            await started[1].Storage.Ledger.SetLimitAsync(Store, Alice, Limit);
            foreach (var server in started)
            {
                await server.TellAsync();
                Assert.True((await ledger.ChargeAsync(server, Alice, 1)).IsAdmitted);
                await server.TellAsync();
                Assert.Null(await server.Storage.Guard.ReadSuspensionAsync(Store));
            }
            await RequireToldAsync(started[0]);
        }
    }

    [Fact]
    public async Task What_several_charge_the_same_accounts_is_all_told_and_nothing_is_taken_for_an_older_copy()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var running = new[] { await ledger.StartAsync(), await ledger.StartAsync(), await ledger.StartAsync() };
        var charges = await Task.WhenAll(running.SelectMany(server => new[] { Alice, Bob }.Select(account => Task.Run(async () =>
        {
            var admitted = 0;
            for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(3); await Task.Delay(5))
                admitted += (await ledger.ChargeAsync(server, account, 1)).IsAdmitted ? 1 : 0;
            return admitted;
        }))));
        Assert.All(charges, admitted => Assert.True(admitted > 20, $"{admitted} charges of one client"));
        foreach (var server in running)
        {
            await server.TellAsync();
            Assert.Null(server.Storage.Guard.WitnessFailure);
            Assert.Null(await server.Storage.Guard.ReadSuspensionAsync(Store));
        }
        await RequireToldAsync(running[0]);
        Assert.Equal(60 + charges.Sum(), await SpentAsync(running[0], Alice) + await SpentAsync(running[0], Bob));
        foreach (var server in running)
            Assert.Empty((await server.Storage.Guard.VerifyAsync(Store)).Faults);
    }

    [Fact]
    public async Task One_that_starts_takes_no_charges_before_it_has_verified_and_keeps_nobody_from_charging()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var first = await ledger.StartAsync();
        var second = await ledger.StartAsync(isVerified: false);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => ledger.ChargeAsync(second, Alice, 1));
        Assert.True((await ledger.ChargeAsync(first, Alice, 1)).IsAdmitted);
        await second.Storage.Guard.VerifyPendingAsync(report => Assert.Null(report.Reason));
        Assert.True((await ledger.ChargeAsync(second, Alice, 1)).IsAdmitted);
        Assert.True((await ledger.ChargeAsync(first, Alice, 1)).IsAdmitted);
    }

    [Fact]
    public async Task Marks_that_arrive_out_of_order_are_no_finding()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        first.Held.IsHeld = true;
        await ledger.ChargeAsync(first, Alice, 1);
        await ledger.ChargeAsync(second, Alice, 2);
        await ledger.ChargeAsync(first, Alice, 4);
        await ledger.ChargeAsync(second, Alice, 8);
        await second.TellAsync();
        Assert.Equal(45, (await MarkAsync(second, Alice)).Spent.MuSquared);
        first.Held.IsHeld = false;
        await first.TellAsync();
        await ledger.ChargeAsync(first, Alice, 16);
        await second.TellAsync();
        await first.TellAsync();
        Assert.Null(await first.Storage.Guard.ReadSuspensionAsync(Store));
        await RequireToldAsync(first);
    }

    [Theory]
    [InlineData("touched")]
    [InlineData("compared")]
    [InlineData("verified")]
    public async Task What_one_had_not_told_when_it_died_is_told_by_the_next_that_comes_by_and_then_an_older_copy_is_found(string how)
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        first.Held.IsHeld = true;
        await ledger.ChargeAsync(first, Alice, 700);
        await ledger.KillAsync(first);
        Assert.Equal(30, (await MarkAsync(second, Alice)).Spent.MuSquared);

        if (how == "touched")
            await ledger.ChargeAsync(second, Alice, 1);
        await second.TellAsync();
        if (how == "compared")
            await second.Storage.Guard.CompareSomeAsync();
        if (how == "verified")
            Assert.Empty((await second.Storage.Guard.VerifyAsync(Store)).Faults);

        Assert.True((await MarkAsync(second, Alice)).Spent.MuSquared >= 730);
        // The store's own book is one that the charge did not touch.
        if (how != "touched")
            await RequireToldAsync(second);
        await ledger.PutBackAsync(copy);
        await second.Storage.Guard.CompareSomeAsync();
        await ledger.RequireClosedAsync(second, Alice);
        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        Assert.True(await SpentAsync(second, Alice) >= 730);
        Assert.True((await ledger.ChargeAsync(second, Alice, 1)).IsAdmitted);
    }

    [Fact]
    public async Task An_older_copy_put_back_under_both_closes_both_and_an_acknowledgement_on_one_opens_both_and_refunds_nothing()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        await ledger.ChargeAsync(first, Alice, 500);
        await ledger.ChargeAsync(second, Alice, 200);
        await ledger.ChargeAsync(second, Bob, 300);
        await first.TellAsync();
        await second.TellAsync();
        await ledger.PutBackAsync(copy);

        // Both go on with it, until they tell the witness.
        await ledger.ChargeAsync(first, Alice, 1);
        await ledger.ChargeAsync(second, Bob, 1);
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        foreach (var server in new[] { first, second })
        {
            await ledger.RequireClosedAsync(server, Alice);
            await ledger.RequireClosedAsync(server, Bob);
        }

        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));

        for (var i = 0; i < 3; i++)
        {
            Assert.True((await ledger.ChargeAsync(first, Alice, 1)).IsAdmitted);
            Assert.True((await ledger.ChargeAsync(second, Alice, 1)).IsAdmitted);
            Assert.True((await ledger.ChargeAsync(first, Bob, 1)).IsAdmitted);
            await Task.WhenAll(first.TellAsync(), second.TellAsync());
        }
        // What the witness saw, what was charged on the copy, and since.
        Assert.Equal((730 + 1 + 6, 330 + 1 + 3), (await SpentAsync(first, Alice), await SpentAsync(first, Bob)));
        // Slabs are part of what the witness saw of the store's total, and count as used.
        Assert.True((await first.Storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared >= 737 + 334);
        Assert.Single(await first.Storage.Catalog.ListAuditAsync(0, 100), line => line.Event.Action == LedgerGuard.AcknowledgeAction);
        Assert.Empty((await first.Storage.Guard.VerifyAsync(Store)).Faults);
        await RequireToldAsync(first);
        await ledger.StopAsync();
        await ledger.StartAsync();
    }

    [Fact]
    public async Task An_older_copy_that_nobody_touches_is_found_all_the_same_and_by_whoever_starts()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        await ledger.ChargeAsync(first, Alice, 500);
        await first.TellAsync();
        await ledger.PutBackAsync(copy);
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        Assert.Null(await second.Storage.Guard.ReadSuspensionAsync(Store));
        await second.Storage.Guard.CompareSomeAsync();
        await ledger.RequireClosedAsync(first, Alice);
        await ledger.RequireClosedAsync(second, Bob);
        await ledger.StopAsync();
        var third = await ledger.StartAsync(isWhole: false);
        Assert.NotNull(await third.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));
        Assert.True(await SpentAsync(third, Alice) >= 530);
        var fourth = await ledger.StartAsync();
        Assert.True((await ledger.ChargeAsync(fourth, Alice, 1)).IsAdmitted);
    }

    /// <summary>The witness saw alice's book of before; one process writes on another one and dies with it untold; the next one's change follows what the witness never saw.</summary>
    [Fact]
    public async Task A_change_that_follows_what_the_witness_never_saw_is_not_written_over_what_it_did()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var (first, second, third) = (await ledger.StartAsync(), await ledger.StartAsync(), await ledger.StartAsync());
        await ledger.ChargeAsync(first, Alice, 1);
        await first.TellAsync();
        var seen = await MarkAsync(first, Alice);
        second.Held.IsHeld = true;
        await ledger.PutBackAsync(copy);
        await ledger.ChargeAsync(second, Alice, 2);
        await ledger.KillAsync(second);
        await ledger.ChargeAsync(third, Alice, 3);
        await third.TellAsync();
        // What the third one knows of comes on top of what the witness saw; the 2 units died with the second.
        var evidence = await MarkAsync(first, Alice);
        Assert.True(evidence.Version > seen.Version && evidence.Spent.MuSquared >= seen.Spent.MuSquared + 3);
        await ledger.RequireClosedAsync(first, Alice);
        await ledger.RequireClosedAsync(third, Alice);
    }

    /// <summary>What one has charged and not told yet is lost with the older copy, and another has told its own of the same books first: only the former knows.</summary>
    [Fact]
    public async Task What_only_a_process_itself_knows_to_be_lost_closes_the_store_and_is_not_refunded()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var copy = await ledger.CopyAsync();
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        first.Held.IsHeld = true;
        await ledger.ChargeAsync(first, Alice, 900);
        await ledger.PutBackAsync(copy);
        await ledger.ChargeAsync(second, Alice, 1);
        await ledger.ChargeAsync(second, Alice, 1);
        await second.TellAsync();
        Assert.Null(await second.Storage.Guard.ReadSuspensionAsync(Store));
        first.Held.IsHeld = false;
        await first.TellAsync();
        await ledger.RequireClosedAsync(second, Alice);

        Assert.NotNull(await second.Storage.Guard.AcknowledgeAsync(Store, "operator-1"));

        Assert.Equal(30 + 900 + 2, await SpentAsync(second, Alice));
        for (var i = 0; i < 3; i++)
        {
            Assert.True((await ledger.ChargeAsync(second, Alice, 1)).IsAdmitted);
            await Task.WhenAll(first.TellAsync(), second.TellAsync());
        }
        Assert.True((await ledger.ChargeAsync(first, Alice, 1)).IsAdmitted);
        await second.TellAsync();
        await first.TellAsync();
        Assert.Empty((await second.Storage.Guard.VerifyAsync(Store)).Faults);
        await RequireToldAsync(second);
    }

    [Fact]
    public async Task A_lost_witness_closes_every_process_and_is_begun_anew_once_for_all_of_them()
    {
        await using var ledger = await CreateChargedAsync(servers);
        var (first, second) = (await ledger.StartAsync(), await ledger.StartAsync());
        await LocalPostgres.ExecuteAsync(ledger.Witness, "SET session_replication_role = replica; DELETE FROM dpattn_witness");
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        await ledger.RequireClosedAsync(first, Alice);
        await ledger.RequireClosedAsync(second, Alice);
        // Nothing was written into the database: it is whole.
        Assert.Null(await first.Storage.Books.ReadSuspensionAsync(Store, default));

        // Two operators at once.
        var acknowledged = await Task.WhenAll(AcknowledgeAsync(first), AcknowledgeAsync(second));

        Assert.Contains(acknowledged, done => done is not null);
        foreach (var server in new[] { first, second })
        {
            await server.Storage.Guard.LookAgainAsync();
            await server.Storage.Guard.VerifyPendingAsync();
            if (await server.Storage.Guard.ReadSuspensionAsync(Store) is not null)
                await AcknowledgeAsync(server);
        }
        Assert.True((await ledger.ChargeAsync(first, Alice, 1)).IsAdmitted);
        Assert.True((await ledger.ChargeAsync(second, Alice, 1)).IsAdmitted);
        await Task.WhenAll(first.TellAsync(), second.TellAsync());
        // Whichever came before the other's mark has yet to look into it.
        await first.TellAsync();
        await second.TellAsync();
        await RequireToldAsync(first);
        Assert.Equal(32, await SpentAsync(first, Alice));

        static async Task<LedgerAcknowledgement?> AcknowledgeAsync(Server server)
        {
            for (var attempt = 0; ; attempt++)
            {
                try
                {
                    return await server.Storage.Guard.AcknowledgeAsync(Store, "operator-1");
                }
                catch (StorageUnavailableException) when (attempt < 20)
                {
                    // The other one was at it; as the operator is told.
                    await Task.Delay(50);
                }
            }
        }
    }

    [Fact]
    public async Task A_witness_in_the_ledgers_own_database_or_beside_a_copy_of_it_is_refused()
    {
        await using var ledger = await CreateAsync(servers);
        var own = ledger.Options.ConnectionString;
        await LocalPostgres.ExecuteAsync(own, "CREATE SCHEMA elsewhere");
        await RequireRefusedAsync($"{own};Search Path=elsewhere", "the ledger's own database");
        // Nothing was made there on the way.
        await LocalPostgres.ExecuteAsync(own, "DROP SCHEMA elsewhere RESTRICT");

        // The same ledger as its backup brings it elsewhere.
        var options = await servers.Witnesses.MigratedAsync();
        await PostgresWitness.MigrateAsync(options.ConnectionString);
        await using (var storage = await PostgresStorage.OpenAsync(ledger.Options with { WitnessConnectionString = null }))
        await using (var copy = await PostgresStorage.OpenAsync(options))
            await copy.Books.WriteIdentityAsync((await storage.Books.ReadIdentityAsync(default))!, default);
        await RequireRefusedAsync(options.ConnectionString, "holds a copy of the ledger");

        async Task RequireRefusedAsync(string witness, string words)
        {
            var wrong = ledger.Options with { WitnessConnectionString = witness };
            foreach (var action in new Func<Task>[] { () => PostgresStorage.MigrateWitnessAsync(wrong), () => PostgresStorage.OpenAsync(wrong) })
            {
                var refusal = await Assert.ThrowsAsync<StorageRefusedException>(action);
                Assert.StartsWith("the ledger's witness: ", refusal.Message);
                Assert.Contains(words, refusal.Message);
                Assert.DoesNotContain(servers.Ledgers.Server.Password, $"{refusal}");
            }
        }
    }

    [Fact]
    public async Task Two_witnesses_and_connection_strings_that_are_none_are_refused_and_not_repeated()
    {
        await using var ledger = await CreateAsync(servers);
        await Assert.ThrowsAsync<ArgumentException>(() => PostgresStorage.OpenAsync(ledger.Options with { WitnessDirectory = "somewhere" }));
        await Assert.ThrowsAsync<ArgumentException>(() => PostgresStorage.MigrateWitnessAsync(ledger.Options with { WitnessConnectionString = null }));
        var refusal = await Assert.ThrowsAsync<StorageRefusedException>(() => PostgresStorage.OpenAsync(ledger.Options with { WitnessConnectionString = "hidden words" }));
        Assert.StartsWith("the ledger's witness: ", refusal.Message);
        Assert.DoesNotContain("hidden", $"{refusal}");
        Assert.DoesNotContain(servers.Witnesses.Server.Password, $"{ledger.Options}");
    }
}
