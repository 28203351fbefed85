using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>One process's per-query shards and budgets, as grains would hold them.</summary>
internal sealed class LocalQueries(Side side, Bench bench, StoreId store) : IShardQueries, IDisposable
{
    public static readonly AccountId User = new("00000000000000000000000000000002");
    private readonly Dictionary<int, ShardRows> _rows = [];

    /// <summary>Calls of shards.</summary>
    public int Calls { get; private set; }

    /// <summary>What the shards sent, in the order of arrival.</summary>
    public List<long[]> Sent { get; } = [];

    /// <summary>How long a shard loads before it tells to come again.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    public async Task<AskOutcome> AskAsync(AttendCommand command, AccountId? account = null, CancellationToken cancellationToken = default)
    {
        var ask = new AskCommand((account ?? User).Value, command.RequestId!, RequestContent.Of(command), command.Tier!.Value, command.Queries.Rows, command.Queries.Data, command.Clip);
        return await side.Services.Ask(store, ask).RunAsync(new Budget(side, store, ask), this, cancellationToken);
    }

    public async Task<LongBlock> SumAsync(int shard, QuerySumsCommand command, CancellationToken cancellationToken)
    {
        ShardRows? rows;
        lock (_rows)
        {
            Calls++;
            if (!_rows.TryGetValue(shard, out rows))
                _rows.Add(shard, rows = side.Services.Rows(store, shard, Model));
        }
        var sums = await rows.SumAsync(command, Patience, cancellationToken);
        lock (_rows)
            Sent.Add(sums.Values);
        return sums;
    }

    public ShardRows Shard(int shard) => _rows[shard];

    public PerQueryModel Model => (PerQueryModel)side.Directory.ModelOf(side.Directory.ReadActiveAsync(store).GetAwaiter().GetResult().Value);

    /// <summary>A store with a limit for the user, and rows.</summary>
    public static async Task<StoreId> MakeAsync(Bench bench, Contracts.StoreDefinition? definition = null, double limit = 6, params RowBatch[] batches)
    {
        var store = await bench.MakeStoreAsync(definition ?? PerQueries.Definition());
        for (var i = 0; i < batches.Length; i++)
            await bench.Side.AppendAsync(store, $"b{i}", batches[i]);
        await bench.Storage.Ledger.SetLimitAsync(store, User, new PrivacyLimit(Epsilon.Budget(limit), new Delta(1e-6)));
        return store;
    }

    /// <summary>The library's answers to a request.</summary>
    public Task<AttentionAnswer[]> ExpectedAsync(AttendCommand command, RowSet rows) =>
        PerQueries.ExpectedAsync(bench.Storage.Catalog, bench.Protector, store, User, command, command.Tier!.Value, rows);

    public static IReadOnlyList<AttentionAnswer> Answers(AskOutcome outcome)
    {
        var answers = new AttentionAnswer[outcome.Answers!.Outputs.Length / outcome.Answers.Columns];
        AnswerBatches.CopyTo(outcome.Answers, answers);
        return answers;
    }

    public void Dispose()
    {
        foreach (var rows in _rows.Values)
            rows.Dispose();
    }

    private sealed class Budget(Side side, StoreId store, AskCommand command) : IAccountBudget
    {
        public async Task<RecordedRequest?> FindAsync(CancellationToken cancellationToken) =>
            await side.Ledger.FindRequestAsync(store, new AccountId(command.Account), new RequestId(command.Request), cancellationToken) is { Entry: var entry } stored
                ? new RecordedRequest(entry.Fingerprint.Hex, null, null, entry.AccountAmount.MuSquared, entry.AccountAmount.Slack, stored.At)
                : null;

        public async Task<ChargeOutcome> ChargeAsync(long muSquared, long slack, CancellationToken cancellationToken) => ChargeOutcome.Of(
            await side.Ledger.ChargeAsync(
                store, new AccountId(command.Account), new RequestId(command.Request), RequestFingerprint.Of(command.Content), new PrivacyAmount(muSquared, slack), cancellationToken),
            null);
    }
}
