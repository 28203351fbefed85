using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// One per-query request, without Orleans: planned, charged, answered from all shards or not at all, stored, and served as stored. Every step may be repeated: the
/// charge is made once per request id, the noise is a pure function of what it meets, and of two answers the first that is stored is the only one that is ever sent.
/// </summary>
internal sealed class PerQueryRequest(
    StoreId store,
    AskCommand command,
    StoreDirectory directory,
    StoreSecrets secrets,
    RowSets rowSets,
    StoredAnswers answers,
    ScanScheduler scans,
    INoiseSources noises,
    FanOut fanOut,
    ClusterOptions options,
    TimeProvider clock)
{
    // What is planned, drawn and decoded of fewer products is done in place: a queue would take longer.
    private const long FewProducts = 1 << 18;

    // Of one call to a shard: a second or two, whatever the store.
    private const long ProductsPerCall = 1L << 31;

    // Of a request: what does not end within minutes would be charged and never answered.
    private const long MostProducts = 1L << 38;
    private const long MostNumbers = 1 << 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private readonly AccountId _account = new(command.Account);
    private readonly RequestId _request = new(command.Request);
    private readonly Matrix<double> _queries = new(command.Queries, command.Numbers.Length / Math.Max(1, command.Queries), command.Numbers);

    /// <summary>Runs the request.</summary>
    /// <returns>The ledger's refusal, or the stored answer.</returns>
    /// <exception cref="ProblemException">Refused before it was charged, or failed; after a charge the same request gets its answer at no further cost.</exception>
    public async Task<AskOutcome> RunAsync(IAccountBudget budget, IShardQueries shards, CancellationToken cancellationToken)
    {
        var read = await directory.ReadActiveAsync(store, cancellationToken);
        var model = directory.ModelOf(read.Value) as PerQueryModel ?? throw new ProblemException(ProblemCodes.Conflict, "answers of this store are not charged one by one");
        await secrets.RewrapAsync(read, cancellationToken);
        if (await budget.FindAsync(cancellationToken) is { } recorded)
            return await ReplayAsync(read.Value, model, recorded, shards, cancellationToken);

        // From here to the charge no shard and no row is met: a refusal, and the time that it takes, cannot depend on rows.
        RequireSize(read.Value, model);
        var snapshot = await rowSets.GetAsync(read.Value, cancellationToken);
        var plan = await PlanAsync(model, cancellationToken);
        var outcome = await budget.ChargeAsync(plan.Cost.MuSquared, plan.Cost.Slack, cancellationToken);
        if (outcome.Refusal is not null)
            return new AskOutcome(outcome with { MuSquared = plan.Cost.MuSquared, Slack = plan.Cost.Slack }, null);
        if (outcome.IsReplay)
        {
            var twin = await budget.FindAsync(cancellationToken) ?? throw new StorageCorruptException("the ledger knows a request as charged and has no entry of it");
            return await ReplayAsync(read.Value, model, twin, shards, cancellationToken);
        }
        return new AskOutcome(outcome, await AnswerAsync(read.Value, model, plan, snapshot, clock.GetUtcNow(), shards, cancellationToken));
    }

    /// <summary>A request that was charged before: its stored answer, or, when a crash came between, the answer now and at no cost.</summary>
    private async Task<AskOutcome> ReplayAsync(StoreDocument document, PerQueryModel model, RecordedRequest recorded, IShardQueries shards, CancellationToken cancellationToken)
    {
        if (recorded.Fingerprint != RequestFingerprint.Of(command.Content).Hex)
            throw new ProblemException(ProblemCodes.RequestConflict, "this idempotency key was used for another request; nothing was charged");
        RequireKept(recorded.At);
        var replay = new ChargeOutcome(null, IsReplay: true, recorded.MuSquared, recorded.Slack, 0, 0, null);
        if (await answers.ReadAsync(_account, _request, cancellationToken) is { } stored)
            return new AskOutcome(replay, Decode(stored, model));
        RequireNeverSwept(recorded.At);
        RequireRows(document.Slots);
        var plan = await PlanAsync(model, cancellationToken);
        // Noise is only ever as narrow as what was paid for it.
        if (!plan.Cost.FitsIn(new PrivacyAmount(recorded.MuSquared, recorded.Slack)))
            throw new StorageCorruptException("the request was charged for wider noise than this version would add");
        var snapshot = await rowSets.GetAsync(document, cancellationToken);
        return new AskOutcome(replay, await AnswerAsync(document, model, plan, snapshot, recorded.At, shards, cancellationToken));
    }

    private async Task<AnswerBatch> AnswerAsync(
        StoreDocument document, PerQueryModel model, PerQueryPlan plan, RowSnapshot snapshot, DateTimeOffset charged, IShardQueries shards, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            // Before any shard is asked, so that neither it nor its time can depend on what they say.
            var digest = PerQueryManifest.Digest(plan, store.Value, snapshot.Digest, _account, _request);
            var noise = await ComputeAsync(plan.Dimension, () => PerQueryNoise.Draw(plan, noises.Of(secrets.NoiseKey(document, digest))), cancellationToken);
            try
            {
                var sums = await GatherAsync(document, model, plan, snapshot, shards, cancellationToken);
                var batch = await ComputeAsync(plan.Dimension * plan.Parameters.Columns, () => Decode(plan, snapshot, sums, noise), cancellationToken);
                var stored = await answers.PutAsync(_account, _request, AnswerCodec.Encode(batch), cancellationToken);
                RequireKept(charged);
                RequireNeverSwept(charged);
                return Decode(stored, model);
            }
            catch (ProblemException e) when (e.Code is ProblemCodes.Busy or IShardQueries.RowsChanged && clock.GetElapsedTime(began) < options.AnswerDeadline)
            {
                await Task.Delay(Pause, cancellationToken);
            }
            catch (ProblemException e) when (e.Code is IShardQueries.RowsChanged)
            {
                throw new ProblemException(ProblemCodes.Busy, "the store's rows are being changed by others; the same request again gets its answer at no further cost", e);
            }
            document = (await directory.ReadActiveAsync(store, cancellationToken)).Value;
            snapshot = await rowSets.GetAsync(document, cancellationToken);
            RequireRows(snapshot.Slots);
        }
    }

    /// <summary>Exact sums of all shards, of exactly one row set, or a failure; a few queries at a time, so that no call takes long.</summary>
    private async Task<long[]> GatherAsync(StoreDocument document, PerQueryModel model, PerQueryPlan plan, RowSnapshot snapshot, IShardQueries shards, CancellationToken cancellationToken)
    {
        int columns = model.Parameters.Columns, d = model.Schema.KeyDimension;
        var sums = new long[plan.Dimension];
        var size = (int)Math.Clamp(Math.Min(LongBlock.MostValues / d, ProductsPerCall / Math.Max(1, model.ProductsPerQuery(snapshot.Slots))), 1, plan.Queries.Rows);
        for (var start = 0; start < plan.Queries.Rows; start += size)
        {
            int from = start, count = Math.Min(size, plan.Queries.Rows - start);
            var ask = QuerySumsCommand.Of(snapshot, plan.Queries.Data.AsSpan(from * d, count * d), count);
            await fanOut.RunAsync(
                document.Definition.Shards,
                (shard, token) => shards.SumAsync(shard, ask, token),
                (shard, block) => LongBlock.Add(sums.AsSpan(from * columns, count * columns), shard, block.Values),
                cancellationToken);
        }
        return sums;
    }

    private Task<PerQueryPlan> PlanAsync(PerQueryModel model, CancellationToken cancellationToken) =>
        ComputeAsync((long)_queries.Rows * _queries.Rows * _queries.Columns, () => model.PlanOf(_queries, command.Clip, command.Tier), cancellationToken);

    private async Task<T> ComputeAsync<T>(long products, Func<T> compute, CancellationToken cancellationToken) =>
        products <= FewProducts ? compute() : await scans.RunWhenFreeAsync(compute, cancellationToken);

    private static AnswerBatch Decode(PerQueryPlan plan, RowSnapshot snapshot, long[] sums, long[] noise)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] = checked(sums[i] + noise[i]);
        // Under add-remove the number of rows is private; that of slots is not one of rows.
        long? rows = plan.Parameters.Schema.Adjacency == Adjacency.ReplaceOne ? snapshot.Slots : null;
        return AnswerBatches.Of(PerQueryAnswerer.Answer(plan, sums, rows));
    }

    private AnswerBatch Decode(byte[] stored, PerQueryModel model) => AnswerCodec.Decode(stored, _queries.Rows, model.Schema.ValueDimension);

    /// <summary>All that public sizes make impossible is refused before it is charged.</summary>
    /// <summary>Queries are one message to the grain, which also checks them.</summary>
    /// <exception cref="ProblemException">too_large.</exception>
    public static void RequireNumbers(Matrix<double> queries)
    {
        if ((long)queries.Rows * queries.Columns > MostNumbers)
            throw TooLarge($"{queries.Rows} queries have {(long)queries.Rows * queries.Columns} numbers, of which a request may have {MostNumbers}");
    }

    private void RequireSize(StoreDocument document, PerQueryModel model)
    {
        RequireRows(document.Slots);
        RequireNumbers(_queries);
        if (AnswerCodec.LengthOf(_queries.Rows, model.Schema.ValueDimension) is var bytes && bytes > ISegmentStore.LargestBlobBytes)
            throw TooLarge($"the answer to {_queries.Rows} queries would take {bytes} bytes, and at most {ISegmentStore.LargestBlobBytes} are kept");
        if ((Int128)_queries.Rows * model.ProductsPerQuery(document.Slots) > MostProducts)
            throw TooLarge($"{_queries.Rows} queries over {document.Slots} slots take more products than the {MostProducts} that a request may take");
    }

    private static void RequireRows(long slots)
    {
        if (slots == 0)
            throw new ProblemException(ProblemCodes.NotPublished, "the store has no rows to answer from");
    }

    /// <exception cref="ProblemException">answer_expired: it is never computed anew, since two noises of one request would be two answers for one price.</exception>
    private void RequireKept(DateTimeOffset charged)
    {
        if (clock.GetUtcNow() - charged > options.AnswerRetention)
            throw new ProblemException(ProblemCodes.AnswerExpired, $"answers are kept for {options.AnswerRetention.TotalDays:G3} days; this request was charged before that. A new request has a key of its own");
    }

    /// <summary>
    /// An answer is computed only while no sweep, however long answers were kept when it ran, can have removed one that was sent: otherwise, of rows that changed since, a second one would leave for
    /// one charge.
    /// </summary>
    /// <exception cref="ProblemException">answer_expired.</exception>
    private void RequireNeverSwept(DateTimeOffset charged)
    {
        if (clock.GetUtcNow() - charged > StoredAnswers.Grace)
            throw new ProblemException(ProblemCodes.AnswerExpired, $"this request was charged more than {StoredAnswers.Grace.TotalHours:G3} hours ago, and its answer is not stored; it is never computed anew that late. A new request has a key of its own");
    }

    private static ProblemException TooLarge(string why) => new(ProblemCodes.TooLarge, $"{why}; ask in several requests");
}
