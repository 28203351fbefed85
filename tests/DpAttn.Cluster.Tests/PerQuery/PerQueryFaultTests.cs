using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>Per-query requests through grains while the storage fails, callers give up, and requests are large.</summary>
public sealed class PerQueryFaultTests : IAsyncLifetime
{
    private readonly FaultPlan _plan = new();
    private TestSilos _silos = null!;
    private Scene _scene = null!;

    public async ValueTask InitializeAsync()
    {
        _silos = await TestSilos.StartAsync(2, options => options.CallDeadline = TimeSpan.FromSeconds(5), replace: (services, storage) =>
        {
            services.AddSingleton<ICatalog>(new FaultyCatalog(storage.Catalog, _plan));
            services.AddSingleton<ISegmentStore>(new FaultySegments(storage.Segments, _plan));
            services.AddSingleton<IBudgetLedger>(new FaultyLedger(storage.Ledger, _plan));
        });
        _scene = new Scene(_silos.FrontDoor, "s", await _silos.PrincipalAsync(Roles.Owner, "owner"), [await _silos.PrincipalAsync(Roles.User, "user")]);
        await _scene.Door.EnsureStoreAsync(_scene.Owner, "s", PerQueries.Definition());
        await _scene.AppendAsync("b", Samples.Rows(60, 1));
        await _scene.GrantAsync(6);
    }

    public async ValueTask DisposeAsync()
    {
        _plan.Release();
        await _silos.DisposeAsync();
    }

    [Theory]
    [InlineData("ledger find", Fault.Before, ProblemCodes.LedgerUnavailable, 0)]
    [InlineData("ledger charge", Fault.Before, ProblemCodes.LedgerUnavailable, 0)]
    [InlineData("ledger charge", Fault.After, ProblemCodes.ChargeUnknown, 1)]
    [InlineData("ledger charge", Fault.Busy, ProblemCodes.Busy, 0)]
    [InlineData("catalog list segment", Fault.Before, ProblemCodes.ShardUnavailable, 0)]
    [InlineData("read Segment", Fault.Before, ProblemCodes.ShardUnavailable, 1)]
    [InlineData("read Segment", Fault.Corrupt, ProblemCodes.InternalError, 1)]
    [InlineData("put Answer", Fault.Before, ProblemCodes.ShardUnavailable, 1)]
    [InlineData("put Answer", Fault.After, ProblemCodes.ShardUnavailable, 1)]
    [InlineData("put Answer", Fault.Full, ProblemCodes.StorageFull, 1)]
    public async Task Whatever_fails_is_told_and_the_retry_is_answered_and_charged_once(string failing, Fault fault, string code, int charges)
    {
        _plan.Every = call => call == failing ? fault : null;
        await Refused.WithAsync(code, () => _scene.AttendAsync(PerQueries.Ask()));
        _plan.Every = null;
        await RequireChargesAsync(charges);
        var answered = await _scene.AttendAsync(PerQueries.Ask());
        Assert.Equal(charges == 1, answered.Privacy.Replayed);
        PerQueries.RequireSame(answered.Answers, (await _silos.Door(1).AttendAsync(_scene.User, "s", PerQueries.Ask())).Answers);
        await RequireChargesAsync(1);
    }

    [Fact]
    public async Task A_refusal_works_with_the_blobs_unplugged_and_so_does_knowing_the_price()
    {
        _plan.Every = call => call.StartsWith("put ", StringComparison.Ordinal) || call.StartsWith("read ", StringComparison.Ordinal) ? Fault.Before : null;
        await _scene.GrantAsync(0.6);
        Assert.Equal(2.0, (await Refused.WithAsync(ProblemCodes.BudgetExhausted, () => _scene.AttendAsync(PerQueries.Ask(tier: 2)))).Requested);
        Assert.Equal(3, (await Refused.WithAsync(ProblemCodes.NotOpened, () => _scene.AttendAsync(PerQueries.Ask(tier: null)))).Prices!.Count);
        await RequireChargesAsync(0);
    }

    [Fact]
    public async Task A_request_goes_on_when_its_caller_gives_up_and_is_there_when_it_comes_again()
    {
        _plan.Every = call => call == "put Answer" ? Fault.Hang : null;
        using var stop = new CancellationTokenSource();
        var asking = _scene.Door.AttendAsync(_scene.User, "s", PerQueries.Ask(), stop.Token);
        await _plan.Hanging;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        // Whoever repeats it meanwhile waits for the same run.
        var again = _scene.AttendAsync(PerQueries.Ask());
        _plan.Every = null;
        _plan.Release();
        var result = await again;
        Assert.True(result.Privacy.Replayed);
        var expected = await PerQueries.ExpectedAsync(_silos.Storage.Catalog, _silos.Protector, new StoreId(await _scene.IncarnationAsync()), _scene.User.Account, PerQueries.Ask(), 1, Samples.Rows(60, 1).ToRows());
        PerQueries.RequireSame(expected, result.Answers);
        await RequireChargesAsync(1);
    }

    /// <summary>Wide queries go to the shards in several calls, and rows are summed in several pieces: nothing of it changes a bit.</summary>
    [Fact]
    public async Task Requests_that_take_several_calls_and_pieces_are_the_librarys_too()
    {
        const int Dimension = 3000;
        var random = new Random(7);
        Matrix<float> keys = new(1500, Dimension), values = new(1500, 2);
        for (var i = 0; i < keys.Data.Length; i++)
            keys.Data[i] = (float)((random.NextDouble() - 0.5) / 30);
        for (var i = 0; i < values.Data.Length; i++)
            values.Data[i] = (float)(random.NextDouble() - 0.5);
        var rows = new RowBatch(new FloatMatrix(keys), new FloatMatrix(values));
        await _scene.Door.EnsureStoreAsync(_scene.Owner, "wide", PerQueries.Definition(shards: 2, scale: 1) with { KeyDimension = Dimension, ValueDimension = 2 });
        await _scene.Door.AppendAsync(_scene.Owner, "wide", "b", rows);
        await _scene.Door.SetBudgetAsync(_scene.Owner, "wide", _scene.User.Account.Value, new LimitRequest(4));
        var queries = new Matrix<double>(100, Dimension);
        for (var i = 0; i < queries.Data.Length; i++)
            queries.Data[i] = (random.NextDouble() - 0.5) / 30;
        var command = new AttendCommand(queries, Tier: 2, RequestId: "wide");
        var result = await _scene.Door.AttendAsync(_scene.User, "wide", command);
        var store = new StoreId((await _scene.Door.GetStoreAsync(_scene.Owner, "wide")).Incarnation);
        PerQueries.RequireSame(await PerQueries.ExpectedAsync(_silos.Storage.Catalog, _silos.Protector, store, _scene.User.Account, command, 2, rows.ToRows()), result.Answers);
    }

    private async Task RequireChargesAsync(int charges)
    {
        Assert.Equal(charges, (await _scene.Door.ListMyLedgerAsync(_scene.User, "s", null, 100)).Entries.Count(line => line.Kind == "charge"));
        Assert.Empty(await _silos.Storage.LedgerFaultsAsync(new StoreId(await _scene.IncarnationAsync())));
    }
}
