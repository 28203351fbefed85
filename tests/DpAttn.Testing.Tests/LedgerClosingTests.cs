using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Testing.Tests;

/// <summary>
/// Through whole starts of the embedded server: what was done to its ledger while it was stopped closes the store, with a message that says what to do; what is open
/// keeps being answered; and once an operator has acknowledged it nothing is refunded and charges go on.
/// </summary>
public sealed class LedgerClosingTests
{
    public static TheoryData<string> Deeds =>
    [
        "the database put back", "an edited entry", "an entry missing from the middle", "the last entry missing", "an edited total", "an edited tier", "a lost witness", "another witness",
    ];

    [Theory]
    [MemberData(nameof(Deeds))]
    public async Task A_ledger_that_is_not_what_it_was_closes_its_store_until_that_is_acknowledged(string deed)
    {
        await using var server = await LedgerOfAServer.CreateAsync();
        await server.StopAsync();
        var copy = server.Copy();
        await server.StartAsync();
        await server.OpenAsync(1);
        var before = (await server.SpentAsync(), await server.StoreSpentAsync());
        await server.StopAsync();
        var found = await DoAsync(server, copy, deed);

        await server.StartAsync();

        await RequireClosedAsync(server, found);
        // Whoever watches the metrics is told without asking: one store, or all that there are.
        var (fault, count) = Assert.Single(await server.FaultsAsync());
        Assert.Equal(found.Contains("witness beside", StringComparison.Ordinal) || found.Contains("another database", StringComparison.Ordinal) ? "unpaired" : "suspended", fault);
        Assert.Equal(1, count);
        // Stopping and starting opens nothing.
        await server.StopAsync();
        await server.StartAsync();
        await RequireClosedAsync(server, found);
        var ledger = Assert.Single((await server.Operator.ListLedgersAsync()).Ledgers);
        var check = await server.Owner.VerifyLedgerAsync(ledger.Incarnation);
        Assert.Equal(ledger.Suspension, check.Suspension);
        Assert.Contains(check.Findings, finding => finding.Detail.Contains(found, StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<DpAttentionException>(() => server.Owner.AcknowledgeLedgersAsync());
        Assert.Equal(ProblemCodes.Forbidden, refused.Code);
        Assert.Single((await server.Operator.AcknowledgeLedgersAsync(LedgerOfAServer.Store)).Ledgers);

        await RequireNothingRefundedAsync(server, before);
        Assert.True((await server.OpenAsync(2)).Privacy.Charged > 0);
        var after = (await server.SpentAsync(), await server.StoreSpentAsync());
        await server.StopAsync();
        await server.StartAsync();
        Assert.Null(Assert.Single((await server.Operator.ListLedgersAsync()).Ledgers).Suspension);
        Assert.Empty((await server.Operator.VerifyLedgerAsync(ledger.Incarnation)).Findings);
        Assert.Empty(await server.FaultsAsync());
        Assert.Equal(after, (await server.SpentAsync(), await server.StoreSpentAsync()));
        Assert.Equal(0, (await server.OpenAsync(2)).Privacy.Charged);
        var log = new List<AuditLine>();
        await foreach (var line in server.Operator.ListAuditAsync())
            log.Add(line);
        Assert.Single(log, line => line.Action == "ledger.suspend" && line.Store == ledger.Incarnation);
        Assert.Single(log, line => line.Action == "ledger.acknowledge" && line.Store == ledger.Incarnation);
    }

    /// <summary>The window that is not detected: what was charged in the last moments before a crash, which the witness had not been told.</summary>
    [Fact]
    public async Task What_the_witness_was_not_told_yet_is_the_window_that_is_not_detected()
    {
        await using var server = await LedgerOfAServer.CreateAsync();
        await server.StopAsync();
        var copy = server.Copy();
        var witness = await File.ReadAllBytesAsync(server.WitnessFile);
        await server.StartAsync();
        await server.OpenAsync(1);
        await server.StopAsync();
        // As a crash leaves it that came before the next round, at the latest a second after the charge.
        await File.WriteAllBytesAsync(server.WitnessFile, witness);

        // The charge itself is no false alarm: the database may be ahead of its witness.
        await server.StartAsync();
        Assert.Null(Assert.Single((await server.Operator.ListLedgersAsync()).Ledgers).Suspension);
        await server.StopAsync();

        // That start told the witness: from then on an older copy is found.
        File.Copy(copy, server.DatabaseFile, overwrite: true);
        await server.StartAsync();
        Assert.NotNull(Assert.Single((await server.Operator.ListLedgersAsync()).Ledgers).Suspension);
        await server.StopAsync();

        // With the witness of before the round it is not: that is the window, and it is stated.
        await File.WriteAllBytesAsync(server.WitnessFile, witness);
        File.Copy(copy, server.DatabaseFile, overwrite: true);
        await server.StartAsync();
        Assert.Null(Assert.Single((await server.Operator.ListLedgersAsync()).Ledgers).Suspension);
    }

    [Fact]
    public async Task An_empty_database_beside_an_old_witness_takes_no_stores_until_that_is_acknowledged()
    {
        await using var server = await LedgerOfAServer.CreateAsync();
        await server.StopAsync();
        Directory.Delete(server.Data, recursive: true);
        await using var cluster = await DpAttnTestCluster.StartAsync(server.Data);
        var owner = await cluster.CreateClientAsync(Roles.Owner, "olga");
        var definition = new StoreDefinition
        {
            KeyDimension = 1,
            ValueDimension = 1,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Ladder = [1],
            Limit = 1,
            Capacity = 10,
        };
        var refused = await Assert.ThrowsAsync<DpAttentionException>(() => owner.EnsureStoreAsync("new", definition));
        Assert.Equal(ProblemCodes.LedgerClosed, refused.Code);
        Assert.Contains("witness", refused.Message);

        await cluster.Connect(cluster.OperatorKey!).AcknowledgeLedgersAsync();

        Assert.Equal("new", (await owner.EnsureStoreAsync("new", definition)).Name);
    }

    private static async Task<string> DoAsync(LedgerOfAServer server, string copy, string deed)
    {
        const string User = "book = (SELECT id FROM ledger_book WHERE account <> '')";
        switch (deed)
        {
            case "the database put back":
                File.Copy(copy, server.DatabaseFile, overwrite: true);
                return "behind the witness";
            case "an edited entry":
                server.Alter($"UPDATE ledger_entry SET account_mu2 = 1, store_mu2 = 1 WHERE sequence = 2 AND {User}");
                return "entries were changed";
            case "an entry missing from the middle":
                server.Alter($"DELETE FROM ledger_entry WHERE sequence = 2 AND {User}");
                return "missing from the database";
            case "the last entry missing":
                server.RemoveLastEntry();
                return "totals were changed";
            case "an edited total":
                server.Alter("UPDATE ledger_book SET spent_mu2 = 0, spent_slack = 0");
                return "totals were changed";
            case "an edited tier":
                server.Alter($"UPDATE ledger_tier SET tier = 2 WHERE {User}");
                return "opened tiers were changed";
            case "a lost witness":
                File.Delete(server.WitnessFile);
                return "the witness beside the database is lost";
            default:
                await using (var other = await LedgerOfAServer.CreateAsync())
                {
                    await other.StopAsync();
                    File.Copy(other.WitnessFile, server.WitnessFile, overwrite: true);
                }
                return "belongs to another database";
        }
    }

    private static async Task RequireClosedAsync(LedgerOfAServer server, string found)
    {
        await RefusedAsync(() => server.OpenAsync(2));
        await RefusedAsync(() => server.Owner.GrantAsync(LedgerOfAServer.Store, "ulf", 3));
        await RefusedAsync(() => server.Owner.GrantAsync(LedgerOfAServer.Store, "olga", 1));
        // What is open is paid for; but of one whose record of it was changed, nothing is known.
        if (!found.Contains("opened tiers", StringComparison.Ordinal))
            Assert.Equal(0, (await server.AskAsync()).Privacy.Charged);

        async Task RefusedAsync(Func<Task> call)
        {
            var refused = await Assert.ThrowsAsync<DpAttentionException>(call);
            Assert.Equal(ProblemCodes.LedgerClosed, refused.Code);
            Assert.False(refused.Problem!.Retryable);
            Assert.Contains(found, refused.Message);
            Assert.Contains("dpattn restore --acknowledge", refused.Message);
        }
    }

    private static async Task RequireNothingRefundedAsync(LedgerOfAServer server, ((long Units, double Spent) User, double Store) before)
    {
        var user = await server.SpentAsync();
        Assert.True(user.Units >= before.User.Units && user.Spent >= before.User.Spent, $"{before.User} before, and {user} afterwards");
        Assert.True(await server.StoreSpentAsync() >= before.Store);
    }
}
