using System.Diagnostics;
using DpAttn.PostgresServer;
using static DpAttn.Storage.Tests.Postgres.SharedLedger;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>The witness's server stops, hangs or is set up wrongly: charges run ahead of it for about a second and are then refused, in every process, until it is back.</summary>
public sealed class WitnessOutageTests(TwoServers servers) : IClassFixture<TwoServers>
{
    [Theory]
    [InlineData("stopped")]
    [InlineData("crashed")]
    [InlineData("frozen")]
    public async Task Charges_run_ahead_of_a_witness_that_is_away_for_about_a_second_and_go_on_when_it_is_back(string how)
    {
        await using var ledger = await CreateChargedAsync(servers);
        var running = new[] { await ledger.StartAsync(), await ledger.StartAsync() };
        var server = servers.Witnesses.Server;
        if (how == "frozen")
            Signal("-STOP");
        else
            server.Stop(crash: how == "crashed");
        try
        {
            foreach (var lasted in await Task.WhenAll(running.Select(RunAheadAsync)))
                Assert.InRange(lasted, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        }
        finally
        {
            if (how == "frozen")
                Signal("-CONT");
            else
                await server.StartAgainAsync();
        }
        foreach (var one in running)
        {
            var admitted = false;
            for (var began = Stopwatch.GetTimestamp(); !admitted && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(20);)
            {
                try
                {
                    admitted = (await ledger.ChargeAsync(one, Alice, 1)).IsAdmitted;
                }
                catch (StorageUnavailableException)
                {
                }
            }
            Assert.True(admitted);
            Assert.Null(await one.Storage.Guard.ReadSuspensionAsync(Store));
        }
        foreach (var one in running)
            await one.TellAsync();
        await running[0].TellAsync();
        await RequireToldAsync(running[0]);

        // For how long charges are admitted, from the first that the witness is not told.
        async Task<TimeSpan> RunAheadAsync(Server one)
        {
            var began = Stopwatch.GetTimestamp();
            var last = TimeSpan.Zero;
            while (true)
            {
                try
                {
                    Assert.True((await ledger.ChargeAsync(one, Alice, 1)).IsAdmitted);
                    last = Stopwatch.GetElapsedTime(began);
                    Assert.True(last < TimeSpan.FromSeconds(10), "charges went on without the witness");
                }
                catch (StorageUnavailableException refusal)
                {
                    Assert.Contains("witness", refusal.Message);
                    // One that hangs is given up a little later.
                    for (var i = 0; i < 100 && one.Storage.Guard.WitnessFailure is null; i++)
                        await Task.Delay(100);
                    Assert.NotNull(one.Storage.Guard.WitnessFailure);
                    return last;
                }
            }
        }

        void Signal(string signal)
        {
            LocalPostgres.Kill(signal, server.ProcessId);
            foreach (var child in File.ReadAllText($"/proc/{server.ProcessId}/task/{server.ProcessId}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                LocalPostgres.Kill(signal, int.Parse(child));
        }
    }

    [Theory]
    [InlineData("fsync")]
    [InlineData("full_page_writes")]
    [InlineData("synchronous_commit")]
    public async Task A_witness_that_would_not_keep_what_it_acknowledges_is_refused(string setting)
    {
        await using var ledger = await CreateAsync(servers);
        await servers.Witnesses.SetAsync(setting, "off");
        try
        {
            foreach (var action in new Func<Task>[] { () => PostgresStorage.OpenAsync(ledger.Options), () => PostgresStorage.MigrateWitnessAsync(ledger.Options) })
            {
                var refusal = await Assert.ThrowsAsync<StorageRefusedException>(action);
                Assert.StartsWith("the ledger's witness: ", refusal.Message);
                Assert.Contains($"{setting} is off", refusal.Message);
            }
        }
        finally
        {
            await servers.Witnesses.SetAsync(setting, "on");
        }
        await using var storage = await PostgresStorage.OpenAsync(ledger.Options);
    }

    [Fact]
    public async Task One_that_cannot_be_reached_at_the_start_is_told_as_unavailable()
    {
        await using var ledger = await CreateAsync(servers);
        servers.Witnesses.Server.Stop();
        try
        {
            var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => PostgresStorage.OpenAsync(ledger.Options));
            Assert.Contains("opening the witness", failure.Message);
            Assert.DoesNotContain(servers.Witnesses.Server.Password, $"{failure}");
        }
        finally
        {
            await servers.Witnesses.Server.StartAgainAsync();
        }
        await using var storage = await PostgresStorage.OpenAsync(ledger.Options);
        await storage.Guard.StartAsync();
        await storage.Ledger.CreateStoreAsync(Store, Limit);
    }
}
