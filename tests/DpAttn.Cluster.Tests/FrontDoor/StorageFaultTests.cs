using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>When the storage fails: closed where a charge is needed, open for what is paid for, and nothing lost, doubled or charged twice.</summary>
[Collection(FaultyCollection.Name)]
public sealed class StorageFaultTests(FaultySilos silos) : IDisposable
{
    private static readonly AttendCommand Ask = new(Samples.Queries(2));

    public void Dispose() => silos.Plan.Every = null;

    [Theory]
    [InlineData("moment-tree")]
    [InlineData(Samples.AllLevels)]
    [InlineData("distance-tree")]
    public async Task While_the_ledger_is_down_what_is_open_is_answered_and_what_needs_a_charge_is_refused(string mechanism)
    {
        var scene = await silos.SceneAsync(Samples.Of(mechanism), users: 2);
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var before = await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        await scene.AttendAsync(Ask);
        silos.Plan.Every = call => call.StartsWith("ledger") ? Fault.Before : null;

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(before.Answers[1].Output, (await scene.AttendAsync(Ask)).Answers[1].Output);
            Assert.Equal(0, (await scene.AttendAsync(Ask with { Release = release, Tier = 0 })).Privacy.Charged);
            Assert.Equal(0, (await scene.AttendAsync(Ask with { Release = release, Tier = 1, RequestId = $"open{i}" })).Privacy.Charged);
            await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.AttendAsync(Ask with { Release = release, Tier = 2 }));
            await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.AttendAsync(Ask with { MaxEpsilon = 3 }));
            await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.AttendAsync(Ask with { Release = release, Tier = 2, RequestId = $"k{i}" }));
            // A generation that moves meanwhile takes nothing away.
            silos.Silos.Service<Generation>(0).Drop();
        }
        await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.AttendAsync(Ask, scene.Users[1]));
        await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.Door.GetMyBudgetAsync(scene.User, scene.Store));
        await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 10));
        await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.Door.ListBudgetsAsync(scene.Owner, scene.Store, null, 10));
        await Refused.WithAsync(ProblemCodes.LedgerUnavailable, () => scene.GrantAsync(8));
        // Rows and releases have nothing to do with it.
        await scene.AppendAsync("b2", Samples.Rows(5, 2));
        await scene.PublishAsync();

        silos.Plan.Every = null;
        await RequireSpentAsync(scene, 1, entries: 2);
        Assert.Equal(2, (await scene.AttendAsync(Ask with { Release = release, Tier = 2 })).Privacy.Tier);
    }

    [Theory]
    [InlineData("k")]
    [InlineData(null)]
    public async Task A_charge_whose_outcome_is_unknown_says_so_and_its_retry_does_not_charge_twice(string? key)
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var command = Ask with { Release = release, Tier = 1, RequestId = key };
        var failures = 2;
        silos.Plan.Every = call => call == "ledger open" && Interlocked.Decrement(ref failures) >= 0 ? Fault.After : null;
        var problem = await Refused.WithAsync(ProblemCodes.ChargeUnknown, () => scene.AttendAsync(command));
        Assert.Contains("retry with the same idempotency key", problem.Message);
        AttendResult? answer = null;
        while (answer is null)
        {
            try
            {
                answer = await scene.AttendAsync(command);
            }
            catch (ProblemException e)
            {
                Assert.Equal(ProblemCodes.ChargeUnknown, e.Code);
            }
        }
        Assert.Equal((1, 0.0), (answer.Privacy.Tier, answer.Privacy.Charged));
        Assert.Equal(key is not null, answer.Privacy.Replayed);
        await RequireSpentAsync(scene, 1, entries: 2);
    }

    [Fact]
    public async Task A_charge_that_is_not_answered_in_time_is_unknown_and_its_retry_does_not_charge_twice()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var command = Ask with { Release = release, Tier = 1, RequestId = "k" };
        var hangs = 1;
        silos.Plan.Every = call => call == "ledger open" && Interlocked.Decrement(ref hangs) >= 0 ? Fault.Hang : null;
        await Refused.WithAsync(ProblemCodes.ChargeUnknown, () => scene.AttendAsync(command));
        var again = await scene.AttendAsync(command);
        Assert.True(again.Privacy.Replayed);
        await RequireSpentAsync(scene, 1, entries: 2);
        silos.Plan.Release();
    }

    [Fact]
    public async Task A_charge_that_was_made_counts_though_its_totals_could_not_be_read()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var opened = false;
        silos.Plan.Every = call =>
        {
            opened |= call == "ledger open";
            return opened && call == "ledger read account" ? Fault.Before : null;
        };
        var answer = await scene.AttendAsync(Ask with { Release = release, Tier = 1, RequestId = "k" });
        Assert.Equal((1.0, false), (answer.Privacy.Charged, answer.Privacy.Replayed));
        Assert.Equal(1, answer.Privacy.Spent, 1e-6);
        Assert.InRange(answer.Privacy.Remaining, 3, 4);
        Assert.Equal(0, (await scene.AttendAsync(Ask)).Privacy.Charged);
        silos.Plan.Every = null;
        await RequireSpentAsync(scene, 1, entries: 2);
    }

    [Theory]
    [InlineData(Fault.Before, ProblemCodes.ShardUnavailable)]
    [InlineData(Fault.Full, ProblemCodes.StorageFull)]
    [InlineData(Fault.Busy, ProblemCodes.Busy)]
    [InlineData(Fault.Corrupt, ProblemCodes.InternalError)]
    [InlineData(Fault.After, ProblemCodes.ShardUnavailable)]
    public async Task Rows_that_could_not_be_stored_are_refused_and_added_once_by_their_retry(Fault fault, string code)
    {
        foreach (var failing in new[] { "put Segment", "catalog commit" })
        {
            var scene = await silos.SceneAsync();
            await scene.AppendAsync("b1", Samples.Rows(5, 1));
            silos.Plan.Every = call => call == failing ? fault : null;
            await Refused.WithAsync(code, () => scene.AppendAsync("b2", Samples.Rows(7, 2)));
            silos.Plan.Every = null;
            await scene.AppendAsync("b2", Samples.Rows(7, 2));
            var store = await scene.Door.GetStoreAsync(scene.Owner, scene.Store);
            Assert.Equal((12, 2), (store.Slots, store.Batches));
        }
    }

    [Theory]
    [InlineData(Fault.Full, ProblemCodes.StorageFull)]
    [InlineData(Fault.Busy, ProblemCodes.Busy)]
    [InlineData(Fault.Corrupt, ProblemCodes.LedgerUnavailable)]
    public async Task A_charge_that_could_not_be_made_costs_nothing(Fault fault, string code)
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        silos.Plan.Every = call => call == "ledger open" ? fault : null;
        await Refused.WithAsync(code, () => scene.AttendAsync(Ask with { Release = release, Tier = 1, RequestId = "k" }));
        silos.Plan.Every = null;
        await RequireSpentAsync(scene, 0, entries: 1);
    }

    [Fact]
    public async Task While_the_catalog_is_down_everything_is_refused_as_a_problem_and_the_silo_is_not_ready()
    {
        var scene = await silos.SceneAsync();
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        await scene.AttendAsync(Ask with { Release = release, Tier = 1 });
        var key = (await scene.Door.CreateKeyAsync(scene.Owner, new KeyRequest("later", Roles.User))).Key;
        Assert.True(await scene.Door.IsReadyAsync());
        silos.Plan.Every = call => call.StartsWith("catalog") ? Fault.Before : null;
        silos.Silos.Service<Generation>(0).Drop();
        Assert.False(await scene.Door.IsReadyAsync());
        Func<Task>[] calls =
        [
            () => scene.Door.AuthenticateAsync(key),
            () => scene.Door.CreateKeyAsync(scene.Owner, new KeyRequest("a", Roles.User)),
            () => scene.Door.ListKeysAsync(scene.Owner),
            () => scene.Door.RevokeKeyAsync(scene.Owner, "0123456789abcdef"),
            () => scene.Door.EnsureStoreAsync(scene.Owner, scene.Store, Samples.Definition()),
            () => scene.Door.DeleteStoreAsync(scene.Owner, scene.Store),
            () => scene.Door.GetStoreAsync(scene.Owner, scene.Store),
            () => scene.Door.ListStoresAsync(scene.Owner),
            () => scene.AppendAsync("b3", Samples.Rows(1, 1)),
            () => scene.Door.EraseRowAsync(scene.Owner, scene.Store, "b", 0),
            () => scene.Door.PublishAsync(scene.Owner, scene.Store, new PublishRequest(), null),
            () => scene.Door.GetReleaseAsync(scene.Owner, scene.Store, release),
            () => scene.Door.ListReleasesAsync(scene.Owner, scene.Store),
            () => scene.Door.RetireReleaseAsync(scene.Owner, scene.Store, release),
            () => scene.Door.GetPrivacyStatementAsync(scene.Owner, scene.Store, release),
            () => scene.AttendAsync(Ask),
            () => scene.Door.EstimateAsync(scene.Owner, scene.Store, new EstimateRequest()),
            () => scene.Door.FindAccountAsync(scene.Owner, new AccountLookup("a")),
        ];
        foreach (var call in calls)
            await Refused.WithAsync(ProblemCodes.ShardUnavailable, call);
        await Refused.WithAsync(ProblemCodes.ShardUnavailable, async () => await scene.Door.ListAuditAsync(await silos.Silos.OperatorAsync(), 0, 10));
        silos.Plan.Every = null;
        Assert.Equal(0, (await scene.AttendAsync(Ask)).Privacy.Charged);
        Assert.True(await scene.Door.IsReadyAsync());
    }

    /// <summary>Every kind of call that a publish makes fails some times; the scan for unfinished jobs brings it to its end without hands.</summary>
    [Theory]
    [InlineData("catalog read release", Fault.Before)]
    [InlineData("catalog read store", Fault.Before)]
    [InlineData("catalog commit", Fault.Before)]
    [InlineData("catalog commit", Fault.After)]
    [InlineData("read Manifest", Fault.Before)]
    [InlineData("read Segment", Fault.Before)]
    [InlineData("read ShardSums", Fault.Before)]
    [InlineData("put ShardSums", Fault.Before)]
    [InlineData("put ShardSums", Fault.After)]
    [InlineData("put Node", Fault.Before)]
    [InlineData("put Node", Fault.After)]
    [InlineData("put Node", Fault.Full)]
    [InlineData("read Node", Fault.Before)]
    [InlineData("catalog commit", Fault.After, Samples.AllLevels)]
    [InlineData("read Manifest", Fault.Before, Samples.AllLevels)]
    [InlineData("read Segment", Fault.Before, Samples.AllLevels)]
    [InlineData("read ShardSums", Fault.Before, Samples.AllLevels)]
    [InlineData("put ShardSums", Fault.Before, Samples.AllLevels)]
    [InlineData("put ShardSums", Fault.After, Samples.AllLevels)]
    [InlineData("put Node", Fault.Before, Samples.AllLevels)]
    [InlineData("put Node", Fault.After, Samples.AllLevels)]
    [InlineData("put Node", Fault.Full, Samples.AllLevels)]
    [InlineData("read Node", Fault.Before, Samples.AllLevels)]
    [InlineData("catalog commit", Fault.After, "distance-tree")]
    [InlineData("read Segment", Fault.Before, "distance-tree")]
    [InlineData("read ShardSums", Fault.Before, "distance-tree")]
    [InlineData("put ShardSums", Fault.Before, "distance-tree")]
    [InlineData("put ShardSums", Fault.After, "distance-tree")]
    public async Task A_publish_is_resumed_without_hands(string failing, Fault fault, string mechanism = "moment-tree")
    {
        var scene = await silos.SceneAsync(Samples.Of(mechanism));
        await scene.AppendAsync("b", Samples.Rows(30, 1));
        var store = new StoreId(await scene.IncarnationAsync());
        var storage = silos.Silos.Storage;
        var left = 3;
        silos.Plan.Every = call => call == failing && Volatile.Read(ref left) > 0 && Interlocked.Decrement(ref left) >= 0 ? fault : null;
        // Frozen past the faults: it is the publish that is to meet them.
        var generation = new Generation(storage.Catalog);
        var directory = new StoreDirectory(storage.Catalog, storage.Ledger, generation, TimeProvider.System, new StoreSecrets(storage.Catalog, silos.Silos.Protector));
        var books = new ReleaseBook(store, storage.Catalog, storage.Segments, directory, generation, silos.Silos.Protector, TimeProvider.System);
        var release = await books.FreezeAsync(new PublishCommand("owner", null, null), CancellationToken.None);
        await Wait.UntilAsync(async () => (await directory.ReleasesAsync(store))[0].State != ReleaseDocument.Publishing);
        var document = (await directory.ReleasesAsync(store))[0];
        Assert.Equal((ReleaseDocument.Published, null), (document.State, document.Failure));
        silos.Plan.Every = null;
        Assert.True(left < 3, $"{failing} was never called");
        Assert.Equal(mechanism == "distance-tree", document.Secret is not null);
        Assert.Equal(3, mechanism == "distance-tree" ? document.Sums!.Count : document.Nodes.Count);
        await scene.GrantAsync(1);
        Assert.Equal(2, (await scene.AttendAsync(Ask with { Release = release, Tier = 0 })).Answers.Count);
    }

    /// <summary>A shard whose sums cannot be read fails the whole answer, which is paid for: once they can, it comes at no further cost.</summary>
    [Fact]
    public async Task An_answer_that_misses_a_shard_is_none_and_comes_later_at_no_further_cost()
    {
        var scene = await silos.SceneAsync(Samples.Of("distance-tree"));
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(4);
        var reads = 0;
        silos.Plan.Every = call => call == "read ShardSums" && Interlocked.Increment(ref reads) % 3 == 0 ? Fault.Before : null;
        var command = Ask with { Release = release, Tier = 1, RequestId = "k" };
        await Refused.WithAsync(ProblemCodes.ShardUnavailable, () => scene.AttendAsync(command));
        silos.Plan.Every = null;
        var answer = await scene.AttendAsync(command);
        Assert.Equal((0.0, true), (answer.Privacy.Charged, answer.Privacy.Replayed));
        Assert.Equal(2, answer.Answers.Count);
        // What was read is held: the next answer from these shards asks the storage for nothing.
        silos.Plan.Every = call => call == "read ShardSums" ? Fault.Before : null;
        Assert.Equal(answer.Answers[0].Output, (await scene.AttendAsync(Ask)).Answers[0].Output);
        await scene.AttendAsync(new AttendCommand(Samples.Queries(3, seed: 5)));
        silos.Plan.Every = null;
        await RequireSpentAsync(scene, 1, entries: 2);
    }

    private static async Task RequireSpentAsync(Scene scene, double epsilon, int entries)
    {
        Assert.Equal(epsilon, (await scene.Door.GetMyBudgetAsync(scene.User, scene.Store)).Spent, 1e-6);
        Assert.Equal(entries, (await scene.Door.ListMyLedgerAsync(scene.User, scene.Store, null, 100)).Entries.Count);
    }
}
