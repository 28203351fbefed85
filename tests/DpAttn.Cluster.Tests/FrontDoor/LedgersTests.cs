using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace DpAttn.Cluster.Tests;

/// <summary>A store whose ledger is suspended while two silos serve it.</summary>
public sealed class LedgersTests(TwoSilos silos)
{
    [Fact]
    public async Task A_suspended_store_refuses_what_costs_and_answers_what_is_open_on_every_silo()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(8);
        await scene.AttendAsync(new AttendCommand(Samples.Queries(1), release, 0));
        var incarnation = await scene.IncarnationAsync();
        Alter($"UPDATE ledger_book SET spent_mu2 = 1 WHERE store = '{incarnation}' AND account <> ''");
        var @operator = await silos.Silos.OperatorAsync();

        var check = await scene.Door.VerifyLedgerAsync(@operator, new LedgerVerificationRequest(incarnation));

        Assert.Contains(check.Findings, finding => finding.Kind == "totalChanged");
        for (var silo = 0; silo < 2; silo++)
        {
            var here = scene with { Door = silos.Silos.Door(silo) };
            var refused = await Refused.WithAsync(ProblemCodes.LedgerClosed, () => here.AttendAsync(new AttendCommand(Samples.Queries(1), release, 1)));
            Assert.Contains("were changed in the database", refused.Message);
            await Refused.WithAsync(ProblemCodes.LedgerClosed, () => here.AttendAsync(new AttendCommand(Samples.Queries(1), release, 1, RequestId: "k")));
            await Refused.WithAsync(ProblemCodes.LedgerClosed, () => here.GrantAsync(9));
            Assert.Equal(0, (await here.AttendAsync(new AttendCommand(Samples.Queries(1), release, 0))).Privacy.Charged);
            // With a key of its own as well: whether it is a replay cannot be told, and it is paid for either way.
            Assert.Equal(0, (await here.AttendAsync(new AttendCommand(Samples.Queries(1), release, 0, RequestId: "k"))).Privacy.Charged);
        }
        var state = Assert.Single((await scene.Door.ListLedgersAsync(scene.Owner)).Ledgers);
        Assert.Equal((incarnation, scene.Store, check.Suspension), (state.Incarnation, state.Store, state.Suspension));

        var done = await silos.Silos.Door(1).AcknowledgeLedgersAsync(@operator, new AcknowledgementRequest(incarnation));

        Assert.Equal(incarnation, Assert.Single(done.Ledgers).Incarnation);
        Assert.True((await scene.AttendAsync(new AttendCommand(Samples.Queries(1), release, 1))).Privacy.Charged > 0);
        var page = await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 10);
        Assert.Equal(["limit", "open", "acknowledgement", "open"], page.Entries.Select(line => line.Kind));
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.AcknowledgeLedgersAsync(@operator, new AcknowledgementRequest(incarnation)));
    }

    [Fact]
    public async Task A_deleted_stores_ledger_is_listed_and_verified_for_operators()
    {
        var scene = await silos.SceneAsync();
        var incarnation = await scene.IncarnationAsync();
        await scene.Door.DeleteStoreAsync(scene.Owner, scene.Store);
        var @operator = await silos.Silos.OperatorAsync();
        var state = Assert.Single((await scene.Door.ListLedgersAsync(@operator)).Ledgers, ledger => ledger.Incarnation == incarnation);
        Assert.True(state.IsDeleted);
        Assert.Empty((await scene.Door.VerifyLedgerAsync(@operator, new LedgerVerificationRequest(incarnation))).Findings);
        await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.VerifyLedgerAsync(@operator, new LedgerVerificationRequest("no incarnation")));
    }

    /// <summary>Blocks of an older copy would be frozen again, with other rows, and be seen twice for one charge.</summary>
    [Fact]
    public async Task A_continual_release_of_an_acknowledged_store_grows_no_more_and_goes_on_answering()
    {
        var scene = await silos.SceneAsync(Continuals.Definition());
        await scene.GrantAsync(8);
        var release = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await scene.AppendAsync("b0", Samples.Rows(4, 1));
        await Wait.UntilAsync(async () => (await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release)).Continual!.BlocksReleased == 1);
        var incarnation = await scene.IncarnationAsync();
        Alter($"UPDATE ledger_book SET spent_mu2 = 1 WHERE store = '{incarnation}' AND account <> ''");
        var @operator = await silos.Silos.OperatorAsync();
        await scene.Door.VerifyLedgerAsync(@operator, new LedgerVerificationRequest(incarnation));
        await scene.AppendAsync("b1", Samples.Rows(5, 2));

        await silos.Silos.Door(1).AcknowledgeLedgersAsync(@operator, new AcknowledgementRequest(incarnation));

        var catalog = silos.Silos.Storage.Catalog;
        var document = (await catalog.ReadAsync(Documents.Release, Documents.Below(new StoreId(incarnation), release)))!.Value;
        Assert.Equal((ReleaseDocument.Published, null, 1, 1), (document.State, document.Secret, document.Continual!.FrozenBlocks, document.Continual.ReleasedBlocks));
        Assert.Equal(ContinualBook.AcknowledgedText, document.Failure);
        Assert.Contains("older copy was put back", (await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release)).Failure);
        await Wait.UntilAsync(async () => (await catalog.ListAsync(Documents.Job.Name, Documents.Under(new StoreId(incarnation)), null, 10)).Count == 0);
        // There it is seen at once.
        var answer = await (scene with { Door = silos.Silos.Door(1) }).AttendAsync(new AttendCommand(Samples.Queries(1), release, 2));
        Assert.Equal((4, new BlockRange(0, 1)), (answer.SlotsCovered, answer.Blocks));
        // A new one begins with the first slot, under a charge of its own.
        await Refused.WithAsync(ProblemCodes.Conflict, () => scene.PublishAsync("p2"));
        await scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release);
        var second = (await scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null)).Id;
        await Wait.UntilAsync(async () => (await scene.Door.GetReleaseAsync(scene.Owner, scene.Store, second)).Continual!.BlocksReleased == 2);
    }

    [Fact]
    public async Task A_backup_is_a_line_of_the_audit_log()
    {
        var @operator = await silos.Silos.OperatorAsync();
        await using var copy = await silos.Door.BackupAsync(@operator);
        var log = (await silos.Door.ListAuditAsync(@operator, 0, 1000)).Entries;
        Assert.Contains(log, line => line.Action == "storage.backup" && line.Detail!.Contains(Convert.ToHexStringLower(copy.Digest.Span), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_storage_that_is_no_file_says_how_it_is_backed_up()
    {
        await using var other = await TestSilos.StartAsync(replace: (services, _) => services.RemoveAll<IStorageBackup>());
        var refused = await Refused.WithAsync(ProblemCodes.InvalidRequest, async () => await other.FrontDoor.BackupAsync(await other.OperatorAsync()));
        Assert.Contains("pg_basebackup", refused.Message);
        Assert.Contains("never restore its witness with it", refused.Message);
    }

    /// <summary>What another program with the file does to it.</summary>
    private void Alter(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={silos.Silos.DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.True(command.ExecuteNonQuery() > 0);
    }
}
