using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>Every call by everybody: who may, who is told that they may not, and who is not even told that there is something.</summary>
public class AuthorisationTests(OneSilo silos, TwoSilos two)
{
    private const string Ok = "ok";
    private const string No = ProblemCodes.Forbidden;
    private const string Hidden = ProblemCodes.NotFound;

    // The callers, in the order of the columns below.
    private static readonly string[] Callers = ["operator", "owner", "other owner", "granted user", "user without a grant", "owner's account in role user"];

    [Fact]
    public async Task Every_call_admits_whom_it_should_and_nobody_else()
    {
        var scene = await silos.SceneAsync(users: 2);
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(1);
        var @operator = await silos.Silos.OperatorAsync();
        var other = await silos.Silos.PrincipalAsync(Roles.Owner, SharedSilos.Fresh("other"));
        Principal[] callers = [@operator, scene.Owner, other, scene.User, scene.Users[1], new Principal(scene.Owner.Account, Roles.User)];
        var (door, store) = (scene.Door, scene.Store);
        var subject = SharedSilos.Fresh("subject");

        // operator, owner, other owner, granted user, user without a grant, owner's account in role user
        await RequireAsync("CreateKey of a user", [Ok, Ok, Ok, No, No, No], caller => door.CreateKeyAsync(caller, new KeyRequest(subject, Roles.User)));
        await RequireAsync("CreateKey of an owner", [Ok, No, No, No, No, No], caller => door.CreateKeyAsync(caller, new KeyRequest(subject, Roles.Owner)));
        await RequireAsync("CreateKey of an operator", [Ok, No, No, No, No, No], caller => door.CreateKeyAsync(caller, new KeyRequest(subject, Roles.Operator)));
        await RequireAsync("ListKeys", [Ok, Ok, Ok, No, No, No], caller => door.ListKeysAsync(caller));
        await RequireAsync("RevokeKey", [Hidden, Hidden, Hidden, No, No, No], caller => door.RevokeKeyAsync(caller, "0123456789abcdef"));
        await RequireAsync("EnsureStore", [No, Ok, ProblemCodes.Conflict, No, No, No], caller => door.EnsureStoreAsync(caller, store, Samples.Definition()));
        await RequireAsync("GetStore", [Ok, Ok, Hidden, Ok, Hidden, Hidden], caller => door.GetStoreAsync(caller, store));
        await RequireAsync("GetRelease", [Ok, Ok, Hidden, Ok, Hidden, Hidden], caller => door.GetReleaseAsync(caller, store, release));
        await RequireAsync("ListReleases", [Ok, Ok, Hidden, Ok, Hidden, Hidden], caller => door.ListReleasesAsync(caller, store));
        await RequireAsync("GetPrivacyStatement", [Ok, Ok, Hidden, Ok, Hidden, Hidden], caller => door.GetPrivacyStatementAsync(caller, store, release));
        await RequireAsync("Estimate", [Ok, Ok, Hidden, Ok, Hidden, Hidden], caller => door.EstimateAsync(caller, store, new EstimateRequest()));
        await RequireAsync("Append", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.AppendAsync(caller, store, "b2", Samples.Rows(1, 1)));
        await RequireAsync("EraseRow", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.EraseRowAsync(caller, store, "b2", 0));
        await RequireAsync("Publish", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.PublishAsync(caller, store, new PublishRequest(), "p2"));
        await RequireAsync("ListBudgets", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.ListBudgetsAsync(caller, store, null, 10));
        await RequireAsync("GetBudget", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.GetBudgetAsync(caller, store, scene.User.Account.Value));
        await RequireAsync("SetBudget", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.SetBudgetAsync(caller, store, scene.User.Account.Value, new LimitRequest(1)));
        await RequireAsync("ListLedger", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.ListLedgerAsync(caller, store, scene.User.Account.Value, null, 10));
        await RequireAsync("SetStoreBudget", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.SetStoreBudgetAsync(caller, store, new LimitRequest(8)));
        await RequireAsync("Attend", [No, No, Hidden, Ok, Hidden, Hidden], caller => door.AttendAsync(caller, store, new AttendCommand(Samples.Queries(1), release, 0)));
        await RequireAsync("GetMyBudget", [Hidden, Hidden, Hidden, Ok, Hidden, Hidden], caller => door.GetMyBudgetAsync(caller, store));
        await RequireAsync("ListMyLedger", [Ok, Ok, Hidden, Ok, Hidden, Hidden], caller => door.ListMyLedgerAsync(caller, store, null, 10));
        await RequireAsync("FindAccount", [No, Ok, Ok, No, No, No], caller => door.FindAccountAsync(caller, new AccountLookup(subject)));
        await RequireAsync("ListAudit", [Ok, No, No, No, No, No], caller => door.ListAuditAsync(caller, 0, 1));
        var incarnation = await scene.IncarnationAsync();
        await RequireAsync("ListLedgers", [Ok, Ok, Ok, No, No, No], caller => door.ListLedgersAsync(caller));
        await RequireAsync("ListLedgers with this one", [Ok, Ok, "absent", No, No, No], async caller =>
        {
            if ((await door.ListLedgersAsync(caller)).Ledgers.All(ledger => ledger.Incarnation != incarnation))
                throw new ProblemException("absent", "");
        });
        await RequireAsync("VerifyLedger", [Ok, Ok, Hidden, Hidden, Hidden, Hidden], caller => door.VerifyLedgerAsync(caller, new LedgerVerificationRequest(incarnation)));
        await RequireAsync("VerifyLedger of none", [Hidden, Hidden, Hidden, Hidden, Hidden, Hidden], caller => door.VerifyLedgerAsync(caller, new LedgerVerificationRequest("0123456789abcdef")));
        // Nothing is closed: there is nothing that could be acknowledged.
        await RequireAsync("AcknowledgeLedgers of one", [Hidden, No, No, No, No, No], caller => door.AcknowledgeLedgersAsync(caller, new AcknowledgementRequest(store)));
        await RequireAsync("AcknowledgeLedgers", [Ok, No, No, No, No, No], caller => door.AcknowledgeLedgersAsync(caller, new AcknowledgementRequest()));
        await RequireAsync("Backup", [Ok, No, No, No, No, No], async caller => await (await door.BackupAsync(caller)).DisposeAsync());
        var second = (await scene.PublishAsync("p2")).Id;
        // The owner's own is refused for another reason: this release has no blocks.
        await RequireAsync("CloseBlock", [No, ProblemCodes.Conflict, Hidden, No, Hidden, Hidden], caller => door.CloseBlockAsync(caller, store, second, new CloseBlockRequest(0)));
        await RequireAsync("RetireRelease", [No, Ok, Hidden, No, Hidden, Hidden], caller => door.RetireReleaseAsync(caller, store, second));
        await RequireAsync("ListStores", [Ok, Ok, "absent", Ok, "absent", "absent"], async caller =>
        {
            if ((await door.ListStoresAsync(caller)).All(found => found.Name != store))
                throw new ProblemException("absent", "");
        });

        await RequireAsync("DeleteStore", [No, Ok, Hidden, No, Hidden, Hidden], caller => caller == scene.Owner ? Task.CompletedTask : door.DeleteStoreAsync(caller, store));
        await door.DeleteStoreAsync(scene.Owner, store);
        string[] nobody = [Hidden, Hidden, Hidden, Hidden, Hidden, Hidden];
        await RequireAsync("GetStore, deleted", nobody, caller => door.GetStoreAsync(caller, store));
        await RequireAsync("GetRelease, deleted", nobody, caller => door.GetReleaseAsync(caller, store, release));
        await RequireAsync("ListReleases, deleted", nobody, caller => door.ListReleasesAsync(caller, store));
        await RequireAsync("GetPrivacyStatement, deleted", nobody, caller => door.GetPrivacyStatementAsync(caller, store, release));
        await RequireAsync("Estimate, deleted", nobody, caller => door.EstimateAsync(caller, store, new EstimateRequest()));
        await RequireAsync("Append, deleted", nobody, caller => door.AppendAsync(caller, store, "b3", Samples.Rows(1, 1)));
        await RequireAsync("EraseRow, deleted", nobody, caller => door.EraseRowAsync(caller, store, "b", 0));
        await RequireAsync("Publish, deleted", nobody, caller => door.PublishAsync(caller, store, new PublishRequest(), "p3"));
        await RequireAsync("RetireRelease, deleted", nobody, caller => door.RetireReleaseAsync(caller, store, release));
        await RequireAsync("ListLedger, deleted", nobody, caller => door.ListLedgerAsync(caller, store, scene.User.Account.Value, null, 10));
        await RequireAsync("SetStoreBudget, deleted", nobody, caller => door.SetStoreBudgetAsync(caller, store, new LimitRequest(9)));
        await RequireAsync("ListBudgets, deleted", nobody, caller => door.ListBudgetsAsync(caller, store, null, 10));
        await RequireAsync("GetBudget, deleted", nobody, caller => door.GetBudgetAsync(caller, store, scene.User.Account.Value));
        await RequireAsync("SetBudget, deleted", nobody, caller => door.SetBudgetAsync(caller, store, scene.User.Account.Value, new LimitRequest(1)));
        await RequireAsync("Attend, deleted", [No, .. nobody[1..]], caller => door.AttendAsync(caller, store, new AttendCommand(Samples.Queries(1))));
        await RequireAsync("GetMyBudget, deleted", nobody, caller => door.GetMyBudgetAsync(caller, store));
        await RequireAsync("ListMyLedger, deleted", nobody, caller => door.ListMyLedgerAsync(caller, store, null, 10));
        await RequireAsync("DeleteStore, deleted", nobody, caller => door.DeleteStoreAsync(caller, store));
        foreach (var caller in callers)
            Assert.DoesNotContain(await door.ListStoresAsync(caller), found => found.Name == store);

        async Task RequireAsync(string what, string[] expected, Func<Principal, Task> call)
        {
            for (var i = 0; i < callers.Length; i++)
            {
                string outcome;
                try
                {
                    await call(callers[i]);
                    outcome = Ok;
                }
                catch (ProblemException e)
                {
                    outcome = e.Code;
                }
                Assert.True(outcome == expected[i], $"{what} by {Callers[i]}: {outcome} instead of {expected[i]}");
            }
        }
    }

    [Fact]
    public async Task What_a_caller_may_not_know_of_is_told_like_what_does_not_exist()
    {
        var scene = await silos.SceneAsync(users: 2);
        var hidden = await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetStoreAsync(scene.Users[1], scene.Store));
        var missing = await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.GetStoreAsync(scene.Users[1], "no-such-store"));
        Assert.Equal(missing.Message, hidden.Message);
        hidden = await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.AttendAsync(scene.Users[1], scene.Store, new AttendCommand(Samples.Queries(1))));
        missing = await Refused.WithAsync(ProblemCodes.NotFound, () => scene.Door.AttendAsync(scene.Users[1], "no-such-store", new AttendCommand(Samples.Queries(1))));
        Assert.Equal(missing.Message, hidden.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("UPPER")]
    [InlineData("with space")]
    [InlineData("line\nbreak")]
    [InlineData("-first")]
    [InlineData("ein-ö")]
    public async Task Names_that_no_store_can_have_are_not_found_and_cannot_be_made(string name)
    {
        var owner = await silos.Silos.PrincipalAsync(Roles.Owner, SharedSilos.Fresh("owner"));
        await Refused.WithAsync(ProblemCodes.NotFound, () => silos.Door.GetStoreAsync(owner, name));
        await Refused.WithAsync(ProblemCodes.NotFound, () => silos.Door.AttendAsync(owner, name, new AttendCommand(Samples.Queries(1))));
        await Refused.WithAsync(ProblemCodes.InvalidRequest, () => silos.Door.EnsureStoreAsync(owner, name, Samples.Definition()));
    }

    [Fact]
    public async Task A_key_revoked_through_one_silo_is_refused_there_at_once_and_by_the_other_within_a_poll()
    {
        var @operator = await two.Silos.OperatorAsync();
        var (left, right) = (two.Silos.Door(0), two.Silos.Door(1));
        var key = await left.CreateKeyAsync(@operator, new KeyRequest(SharedSilos.Fresh("user"), Roles.User));
        foreach (var door in new[] { left, right })
            Assert.Equal(key.Account, (await door.AuthenticateAsync(key.Key)).Account.Value);
        await left.RevokeKeyAsync(@operator, key.Id);
        await Refused.WithAsync(ProblemCodes.Unauthenticated, () => left.AuthenticateAsync(key.Key));
        await Wait.UntilAsync(async () => await Record.ExceptionAsync(() => right.AuthenticateAsync(key.Key)) is ProblemException { Code: ProblemCodes.Unauthenticated });
        Assert.NotNull(Assert.Single((await right.ListKeysAsync(@operator)).Keys, found => found.Id == key.Id).Revoked);
        Assert.Null(await two.Silos.Service<IOperatorKeys>(1).BootstrapAsync());
    }

    [Fact]
    public async Task A_list_holds_the_stores_that_the_caller_made_or_was_granted_only()
    {
        var scene = await silos.SceneAsync();
        var granted = await silos.SceneAsync();
        await granted.GrantAsync(1, scene.Owner);
        Assert.Equal([scene.Store, granted.Store], (await scene.Door.ListStoresAsync(scene.Owner)).Select(store => store.Name).Order());
        Assert.Empty(await scene.Door.ListStoresAsync(scene.User));
        var all = (await scene.Door.ListStoresAsync(await silos.Silos.OperatorAsync())).Select(store => store.Name).ToArray();
        Assert.Contains(scene.Store, all);
        Assert.Contains(granted.Store, all);
    }
}
