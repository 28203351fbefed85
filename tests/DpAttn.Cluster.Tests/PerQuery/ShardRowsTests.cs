using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Rows in memory: loaded once, piece by piece, within a bound; and row sets, which are one moment's or nothing.</summary>
public sealed class ShardRowsTests : IAsyncDisposable
{
    private readonly Bench _bench = new(configure: options => options.RowBytes = 1 << 20);

    [Fact]
    public async Task Rows_are_loaded_when_they_are_first_needed_and_only_what_is_new_later()
    {
        var store = await LocalQueries.MakeAsync(_bench, PerQueries.Definition(shards: 2), 6, [.. Enumerable.Range(0, 6).Select(i => Samples.Rows(10, i))]);
        var plan = new FaultPlan { Counts = call => call == "read Segment" };
        var side = _bench.With(plan);
        using var local = new LocalQueries(side, _bench, store);
        Assert.Equal(0, plan.Calls);
        await local.AskAsync(PerQueries.Ask("a"));
        Assert.Equal(6, plan.Calls);
        await local.AskAsync(PerQueries.Ask("b"));
        Assert.Equal(6, plan.Calls);
        await _bench.Side.AppendAsync(store, "more", Samples.Rows(10, 9));
        await local.AskAsync(PerQueries.Ask("c"));
        Assert.Equal(7, plan.Calls);
        Assert.Equal(local.Shard(0).Bytes + local.Shard(1).Bytes, side.Services.RowMemory.Held);
        Assert.Equal(7 * local.Model.BytesOf(10), side.Services.RowMemory.Held);
        local.Dispose();
        Assert.Equal(0, side.Services.RowMemory.Held);
    }

    [Fact]
    public async Task A_row_set_is_listed_once_and_later_ones_from_where_they_differ()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, [.. Enumerable.Range(0, 700).Select(i => Samples.Rows(1, i))]);
        var plan = new FaultPlan { Counts = call => call == "catalog list segment" };
        var sets = new RowSets(_bench.With(plan).Catalog, _bench.Side.Secrets);
        async Task<RowSnapshot> NowAsync() => await sets.GetAsync((await _bench.Side.Directory.ReadActiveAsync(store)).Value, CancellationToken.None);
        var first = await NowAsync();
        Assert.Equal((2, 700, 700), (plan.Calls, first.Segments.Count, first.Slots));
        Assert.Same(first, await NowAsync());
        await _bench.Side.AppendAsync(store, "more", Samples.Rows(3, 9));
        var second = await NowAsync();
        Assert.Equal((3, 703), (plan.Calls, second.Slots));
        Assert.NotEqual(first.Digest, second.Digest);
        // The older one is still what it was, for shards that are asked for it late.
        var fresh = new RowSets(_bench.Side.Catalog, _bench.Side.Secrets);
        await fresh.GetAsync((await _bench.Side.Directory.ReadActiveAsync(store)).Value, CancellationToken.None);
        var late = (await fresh.FindAsync(store, first.Version, CancellationToken.None))!;
        Assert.Equal(first.Digest, late.Digest);
        Assert.Equal(first.Segments, late.Segments);
    }

    [Fact]
    public async Task A_row_set_that_was_erased_from_is_gone_for_whoever_has_not_read_it()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, Samples.Rows(5, 1));
        var document = (await _bench.Side.Directory.ReadActiveAsync(store)).Value;
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit
        {
            Writes = [Documents.Store.Update((await _bench.Side.Directory.ReadActiveAsync(store)), document with { Erasures = 1 })],
        }));
        Assert.Null(await new RowSets(_bench.Side.Catalog, _bench.Side.Secrets).FindAsync(store, RowVersion.Of(document), CancellationToken.None));
        var ahead = await Assert.ThrowsAsync<ProblemException>(() => new RowSets(_bench.Side.Catalog, _bench.Side.Secrets).FindAsync(store, new RowVersion(2, 1), CancellationToken.None));
        Assert.Equal(ProblemCodes.ShardUnavailable, ahead.Code);
    }

    [Fact]
    public async Task A_set_that_is_erased_from_while_it_is_listed_is_listed_again()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, Samples.Rows(5, 1));
        var document = (await _bench.Side.Directory.ReadActiveAsync(store)).Value;
        var plan = new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog list segment" };
        var reading = new RowSets(_bench.With(plan).Catalog, _bench.Side.Secrets).GetAsync(document, CancellationToken.None);
        await plan.Hanging;
        var now = await _bench.Side.Directory.ReadActiveAsync(store);
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Store.Update(now, now.Value with { Erasures = 1 })] }));
        plan.Release();
        Assert.Equal(new RowVersion(1, 1), (await reading).Version);
    }

    [Fact]
    public async Task A_hole_in_the_directory_is_damage_and_no_smaller_row_set()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, [.. Enumerable.Range(0, 3).Select(i => Samples.Rows(5, i))]);
        var row = (await _bench.Storage.Catalog.ReadAsync(Documents.Segment, Documents.Below(store, Documents.Ordinal(1))))!;
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Segment.Delete(row)] }));
        using var local = new LocalQueries(_bench.Side, _bench, store);
        Assert.Contains("segment row 1", (await Assert.ThrowsAsync<StorageCorruptException>(() => local.AskAsync(PerQueries.Ask()))).Message);
        Assert.Equal(0, (await _bench.Storage.Ledger.ReadAccountAsync(store, LocalQueries.User))!.Spent.MuSquared);
    }

    [Fact]
    public async Task A_shard_that_reads_another_row_set_than_it_is_asked_for_sends_nothing()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, Samples.Rows(5, 1));
        var snapshot = await _bench.Side.Services.RowSets.GetAsync((await _bench.Side.Directory.ReadActiveAsync(store)).Value, CancellationToken.None);
        using var local = new LocalQueries(_bench.Side, _bench, store);
        var query = Samples.Queries(1).Data;
        var right = QuerySumsCommand.Of(snapshot, query, 1);
        Assert.Equal(4, (await local.SumAsync(0, right, CancellationToken.None)).Values.Length);
        var wrong = right with { Digest = [.. right.Digest.Select(b => (byte)~b)] };
        Assert.Equal(ProblemCodes.ShardUnavailable, (await Assert.ThrowsAsync<ProblemException>(() => local.SumAsync(0, wrong, CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_shard_that_is_still_loading_says_so_in_time_and_goes_on_where_it_stopped()
    {
        var store = await LocalQueries.MakeAsync(_bench, PerQueries.Definition(shards: 1), 6, Samples.Rows(5, 1), Samples.Rows(5, 2));
        var plan = new FaultPlan { FailingCall = 2, Fault = Fault.Hang, Counts = call => call == "read Segment" };
        var side = _bench.With(plan);
        var snapshot = await side.Services.RowSets.GetAsync((await side.Directory.ReadActiveAsync(store)).Value, CancellationToken.None);
        using var rows = side.Services.Rows(store, 0, (PerQueryModel)side.Directory.ModelOf((await side.Directory.ReadActiveAsync(store)).Value));
        var ask = QuerySumsCommand.Of(snapshot, Samples.Queries(1).Data, 1);
        // Storage that hears no cancellation: the call that waits for it holds the shard's gate, and others are told to come again.
        var waiting = rows.SumAsync(ask, TimeSpan.FromSeconds(60), CancellationToken.None);
        await plan.Hanging;
        Assert.Equal(ProblemCodes.Busy, (await Assert.ThrowsAsync<ProblemException>(() => rows.SumAsync(ask, TimeSpan.FromMilliseconds(50), CancellationToken.None))).Code);
        plan.Release();
        Assert.Equal((await waiting).Values, (await rows.SumAsync(ask, TimeSpan.FromSeconds(60), CancellationToken.None)).Values);
        Assert.Equal(2, plan.Calls);
    }

    [Fact]
    public async Task Rows_beyond_the_silos_bound_are_not_loaded_and_nothing_else_is_answered()
    {
        // 36 bytes a slot: 1 MiB holds 29,127.
        var store = await LocalQueries.MakeAsync(_bench, PerQueries.Definition(shards: 1), 6, Samples.Rows(20_000, 1), Samples.Rows(20_000, 2));
        using var local = new LocalQueries(_bench.Side, _bench, store);
        var problem = await Refused.WithAsync(ProblemCodes.ShardUnavailable, () => local.AskAsync(PerQueries.Ask()));
        Assert.Contains("no room", problem.Message);
        Assert.Contains("1048576", problem.Message);
        Assert.InRange(_bench.Side.Services.RowMemory.Held, 1, 1 << 20);
        // With room, the request that was charged is answered.
        _bench.Options.RowBytes = 1 << 21;
        Assert.True((await local.AskAsync(PerQueries.Ask())).Charge.IsReplay);
    }

    [Fact]
    public async Task Rows_that_a_silo_could_not_hold_are_refused_while_they_come_and_what_is_there_answers()
    {
        await using var silos = await TestSilos.StartAsync(configure: options => options.RowBytes = 1 << 20);
        var owner = await silos.PrincipalAsync(Roles.Owner, "owner");
        var user = await silos.PrincipalAsync(Roles.User, "user");
        var door = silos.FrontDoor;
        foreach (var (store, definition) in new[] { ("asked", PerQueries.Definition(shards: 1)), ("released", Samples.Definition(shards: 1)) })
            await door.EnsureStoreAsync(owner, store, definition);
        await door.AppendAsync(owner, "asked", "b1", Samples.Rows(20_000, 1));
        var problem = await Refused.WithAsync(ProblemCodes.StorageFull, () => door.AppendAsync(owner, "asked", "b2", Samples.Rows(20_000, 2)));
        Assert.Contains("1048576 bytes", problem.Message);
        Assert.Equal(20_000, (await door.GetStoreAsync(owner, "asked")).Slots);
        await door.SetBudgetAsync(owner, "asked", user.Account.Value, new LimitRequest(4));
        Assert.Equal(2, (await door.AttendAsync(user, "asked", PerQueries.Ask())).Answers.Count);
        // What is loaded counts too; a few rows more fit, and stores that answer from releases hold none.
        await Refused.WithAsync(ProblemCodes.StorageFull, () => door.AppendAsync(owner, "asked", "b2", Samples.Rows(20_000, 2)));
        await door.AppendAsync(owner, "asked", "b3", Samples.Rows(5_000, 3));
        Assert.Equal(2, (await door.AttendAsync(user, "asked", PerQueries.Ask("k2"))).Answers.Count);
        await door.AppendAsync(owner, "released", "b", Samples.Rows(40_000, 1));
    }

    [Fact]
    public void An_answer_is_read_as_it_was_written_and_nothing_else_is_read_as_one()
    {
        var batch = new AnswerBatch(2, [1, -0.0, double.MaxValue, 4], [0.5, double.PositiveInfinity, double.Epsilon, 1], [-1, -2, -3, -4], [1, 2, 3, 4], [true, false, false, true], [], 0.25);
        var bytes = AnswerCodec.Encode(batch);
        Assert.Equal(AnswerCodec.LengthOf(2, 2), bytes.Length);
        Golden.Require("answer-1.bin", bytes);
        var read = AnswerCodec.Decode(bytes, 2, 2);
        Assert.Equal(batch.Outputs.Select(BitConverter.DoubleToInt64Bits), read.Outputs.Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal((batch.Deviations, batch.Low, batch.High, batch.Whole), (read.Deviations, read.Low, read.High, read.Whole), new ArraysEqual());
        Assert.Equal((0.25, 0), (read.KernelErrorBound, read.Indistinguishable.Length));
        foreach (var broken in new[] { bytes[..^1], [.. bytes, 0], [], [(byte)'X', .. bytes[1..]], [.. bytes[..4], 9, .. bytes[5..]] })
            Assert.Throws<StorageCorruptException>(() => AnswerCodec.Decode(broken, 2, 2));
        Assert.Throws<StorageCorruptException>(() => AnswerCodec.Decode(bytes, 1, 2));
        Assert.Throws<StorageCorruptException>(() => AnswerCodec.Decode(bytes, 2, 1));
    }

    [Fact]
    public void Two_requests_never_share_an_answer()
    {
        var answers = new StoredAnswers(new StoreId("s"), _bench.Storage.Segments);
        string[] texts = ["a", "ab", "b", "1|a", "a|b", "|", "a|", "|a", "2|ab"];
        var keys = texts.SelectMany(account => texts.Select(request => answers.KeyOf(new AccountId(account), new RequestId(request)).Id)).ToArray();
        Assert.Equal(keys.Length, keys.Distinct().Count());
    }

    [Fact]
    public async Task Whoever_repeats_a_request_that_is_under_way_waits_for_it_as_a_replay()
    {
        var runs = new PerQueryRuns();
        var gate = new TaskCompletionSource<AskOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = 0;
        AskCommand Command(byte content) => new("a", "k", [content], 0, 1, [0], false);
        Task<AskOutcome> Run(byte content) => runs.RunAsync(new StoreId("s"), Command(content), () =>
        {
            Interlocked.Increment(ref started);
            return gate.Task;
        });
        var calls = Enumerable.Range(0, 20).Select(_ => Run(1)).ToArray();
        var other = Run(2);
        await Wait.UntilAsync(() => Task.FromResult(Volatile.Read(ref started) == 2));
        gate.SetResult(new AskOutcome(new ChargeOutcome(null, false, 1, 1, 0, 0, null), new AnswerBatch(1, [], [], [], [], [], [], 0)));
        var outcomes = await Task.WhenAll(calls);
        Assert.Single(outcomes, outcome => !outcome.Charge.IsReplay);
        Assert.False((await other).Charge.IsReplay);
        await Run(1);
        Assert.Equal(3, started);
    }

    [Fact]
    public async Task Rotating_the_keys_wraps_the_secret_anew_and_changes_no_noise()
    {
        var store = await LocalQueries.MakeAsync(_bench, null, 6, Samples.Rows(20, 1));
        var read = await _bench.Side.Directory.ReadActiveAsync(store);
        var old = new KeyValuePair<string, byte[]>("old", new byte[32]);
        var both = new StoreSecrets(_bench.Storage.Catalog, new SecretProtector(new KeyRing([old, new("new", [.. Enumerable.Repeat((byte)7, 32)])])));
        var onlyOld = new StoreSecrets(_bench.Storage.Catalog, new SecretProtector(new KeyRing([old])));
        var wrapped = read.Value with { Secret = onlyOld.NewWrapped(store) };
        Assert.True(await _bench.Storage.Catalog.CommitAsync(new CatalogCommit { Writes = [Documents.Store.Update(read, wrapped)] }));
        read = await _bench.Side.Directory.ReadActiveAsync(store);
        await both.RewrapAsync(read, CancellationToken.None);
        var anew = await _bench.Side.Directory.ReadActiveAsync(store);
        Assert.NotEqual(read.Value.Secret, anew.Value.Secret);
        Assert.Equal(onlyOld.RowSetKey(read.Value), both.RowSetKey(anew.Value));
        Assert.Throws<StorageRefusedException>(() => onlyOld.RowSetKey(anew.Value));
        await both.RewrapAsync(anew, CancellationToken.None);
        Assert.Equal(anew.Version, (await _bench.Side.Directory.ReadActiveAsync(store)).Version);
        // One store's secret opens no other's, and a store without one draws no noise.
        Assert.Throws<StorageCorruptException>(() => both.RowSetKey(anew.Value with { Incarnation = "other" }));
        Assert.Throws<StorageCorruptException>(() => both.RowSetKey(anew.Value with { Secret = null }));
    }

    public async ValueTask DisposeAsync() => await _bench.DisposeAsync();

    private sealed class ArraysEqual : IEqualityComparer<(double[], double[], double[], bool[])>
    {
        public bool Equals((double[], double[], double[], bool[]) x, (double[], double[], double[], bool[]) y) =>
            x.Item1.SequenceEqual(y.Item1) && x.Item2.SequenceEqual(y.Item2) && x.Item3.SequenceEqual(y.Item3) && x.Item4.SequenceEqual(y.Item4);

        public int GetHashCode((double[], double[], double[], bool[]) obj) => 0;
    }
}
