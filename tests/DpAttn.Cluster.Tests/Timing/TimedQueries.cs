using System.Diagnostics;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests.Timing;

/// <summary>A per-query store whose requests are timed: the whole of a refusal, and of an answer what lies between its charge and the first call of a shard.</summary>
/// <param name="bench">What it is on.</param>
/// <param name="side">The classes under test, or with something planted in them.</param>
/// <param name="store">The store.</param>
internal sealed class TimedQueries(Bench bench, Side side, StoreId store) : IAccountBudget, IShardQueries, IDisposable
{
    private readonly LocalQueries _shards = new(side, bench, store);
    private AskCommand _command = null!;
    private int _asked;
    private long _charged;
    private long _noised;

    /// <summary>Times a request that must be refused, in microseconds.</summary>
    public async Task<double> RefuseAsync()
    {
        var ask = Next();
        var began = Stopwatch.GetTimestamp();
        var outcome = await side.Services.Ask(store, ask).RunAsync(this, this, CancellationToken.None);
        var took = Stopwatch.GetElapsedTime(began);
        Assert.Equal(RefusalReason.AccountLimit, outcome.Charge.Refusal);
        return took.TotalMicroseconds;
    }

    /// <summary>Times what a request does after it was charged and before it asks a shard, in microseconds: binding, key and noise.</summary>
    public async Task<double> NoiseAsync()
    {
        var ask = Next();
        Volatile.Write(ref _noised, 0);
        var outcome = await side.Services.Ask(store, ask).RunAsync(this, this, CancellationToken.None);
        Assert.NotNull(outcome.Answers);
        return Stopwatch.GetElapsedTime(_charged, _noised).TotalMicroseconds;
    }

    public async Task<RecordedRequest?> FindAsync(CancellationToken cancellationToken)
    {
        Assert.Null(await side.Ledger.FindRequestAsync(store, LocalQueries.User, new RequestId(_command.Request), cancellationToken));
        return null;
    }

    public async Task<ChargeOutcome> ChargeAsync(long muSquared, long slack, CancellationToken cancellationToken)
    {
        var decision = await side.Ledger.ChargeAsync(
            store, LocalQueries.User, new RequestId(_command.Request), RequestFingerprint.Of(_command.Content), new PrivacyAmount(muSquared, slack), cancellationToken);
        _charged = Stopwatch.GetTimestamp();
        return ChargeOutcome.Of(decision, null);
    }

    public Task<LongBlock> SumAsync(int shard, QuerySumsCommand command, CancellationToken cancellationToken)
    {
        Interlocked.CompareExchange(ref _noised, Stopwatch.GetTimestamp(), 0);
        return _shards.SumAsync(shard, command, cancellationToken);
    }

    public void Dispose() => _shards.Dispose();

    private AskCommand Next()
    {
        var command = PerQueries.Ask($"request-{++_asked}", tier: 0);
        return _command = new AskCommand(LocalQueries.User.Value, command.RequestId!, RequestContent.Of(command), 0, command.Queries.Rows, command.Queries.Data, command.Clip);
    }
}
