using System.Collections.Concurrent;
using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// 256 blocks arrive one by one through the service's own classes on a real storage, and the process stops at random calls of the storage: another activation goes on. For every prefix the error is
/// the one that was predicted; no node is ever released twice with different noise; the ledger shows one charge.
/// </summary>
/// <remarks>
/// <para>Secrets are fresh in every run, so what is tolerated follows from a chance. Prefixes of one secret share nodes: its answers are worth at least five independent draws of noise for each of
/// the 33 columns, from one direction of queries and no more. So the pooled root mean square of m secrets has a relative deviation of at most 1/sqrt(2 * 5 * 32 * m): 2.3 % for 6 secrets, where
/// 14 % are tolerated, and 0.56 % for 100, where 5 % are; a false alarm is beyond 6 deviations, below 1e-8. A scale that is 30 % off is beyond both.</para>
/// <para>No answer beyond 7 deviations: 2e-12 for each of 50,000 figures at 6 secrets, 1e-7; 2e-6 at 100, which is run by hand.</para>
/// </remarks>
public sealed class ContinualAcceptanceTests : IAsyncDisposable
{
    private const int BlockCount = 256;
    private const int BlockRows = 256;
    private const int Columns = 32;
    private static readonly AccountId Reader = new("00000000000000000000000000000002");
    private readonly Bench _bench = new();
    private readonly Tally[] _planted = [new(0.7), new(1.3)];

    private static StoreDefinition Definition { get; } = new()
    {
        KeyDimension = 2,
        ValueDimension = Columns,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Scale = 0.8,
        Mechanism = new MechanismDefinition(Levels: "all", BlockRows: BlockRows, Continual: true),
        Ladder = [8],
        Limit = 8,
        Capacity = BlockCount * BlockRows,
        Shards = 2,
    };

    [Fact]
    public Task Prefixes_of_a_growing_store_have_the_predicted_error_through_crashes() => CheckAsync(secrets: 6, tolerance: 0.14);

    [Fact]
    [Trait("Suite", "Long")]
    public Task Prefixes_of_a_growing_store_have_the_predicted_error_through_crashes_under_a_hundred_secrets() => CheckAsync(secrets: 100, tolerance: 0.05);

    private async Task CheckAsync(int secrets, double tolerance)
    {
        var rows = Rows();
        var queries = Queries();
        var noiseFree = NoiseFree(rows, queries);
        var tally = new Tally(1);
        var crashes = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, secrets), new ParallelOptions { MaxDegreeOfParallelism = 6 }, async (secret, _) =>
            Interlocked.Add(ref crashes, await RunAsync(secret, rows, queries, noiseFree, tally)));

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{tally.Count} figures, {crashes} crashes: largest {tally.Largest:F2} deviations, root mean square {tally.RootMeanSquare:F4}, {tally.ForgettingNodes:F3} if nodes were forgotten");
        Assert.Equal(secrets * BlockCount * queries.Rows * Columns, tally.Count);
        // 77 draws a secret, of which those behind a block's last call hit nothing.
        Assert.InRange(crashes, 20 * secrets, 110 * secrets);
        tally.Require(tolerance);
        // Answers that state deviations 30 % off are found out by the same check.
        foreach (var planted in _planted)
        {
            Assert.Equal(tally.Count, planted.Count);
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => planted.Require(tolerance));
        }
        Assert.False(tally.ForgettingNodes <= 1 + tolerance);
    }

    /// <summary>One store: blocks, crashes, and an answer for each prefix.</summary>
    /// <returns>How often the process crashed.</returns>
    private async Task<int> RunAsync(int seed, RowBatch[] rows, Matrix<double> queries, AttentionAnswer[][] noiseFree, Tally tally)
    {
        var store = await _bench.MakeStoreAsync(Definition);
        var release = await _bench.Side.FreezeAsync(store);
        await _bench.Storage.Ledger.SetLimitAsync(store, Reader, new PrivacyLimit(new Epsilon(8), new Delta(Definition.Delta)));
        var offered = new ConcurrentDictionary<BlobKey, byte[]>();
        var noise = new RecordingNoises();
        var process = new Process(_bench, new Random(seed), noise, (key, content) =>
        {
            if (key.Kind != BlobKind.Node)
                return;
            // Whoever computes a node, and however often: the same bytes.
            var digest = SHA256.HashData(content.Span);
            if (!offered.GetOrAdd(key, digest).AsSpan().SequenceEqual(digest))
                throw new InvalidOperationException("a node was released twice with different noise");
        });
        var answered = 0L;
        for (var block = 0; block < BlockCount; block++)
        {
            process.Draw();
            await process.UntilDoneAsync(side => side.AppendAsync(store, $"b{block}", rows[block]));
            await process.UntilDoneAsync(side => process.GrowAsync(side, store, release));
            var now = (await _bench.Side.ReadReleaseAsync(store, release)).Continual!.ReleasedBlocks;
            Assert.Equal(block + 1, now);
            await OpenAsync(store, release, block);
            await AnswerAsync(store, release, now, queries, noiseFree[block], tally);
            answered++;
        }
        Assert.Equal(BlockCount, answered);
        Assert.Equal(2 * BlockCount - 1, offered.Count);
        Assert.Equal(2 * BlockCount - 1, (await _bench.Side.NodesAsync(store, release)).Count);
        noise.OnePerAddress();
        await RequireOneChargeAsync(store, release);
        var document = await _bench.Side.ReadReleaseAsync(store, release);
        Assert.Equal((true, null), (document.Continual!.IsFull, document.Secret));
        return process.Crashes;
    }

    private async Task AnswerAsync(StoreId store, string release, long blocks, Matrix<double> queries, AttentionAnswer[] truths, Tally tally)
    {
        var nodes = new ReleasedNodes(_bench.Storage.Catalog, _bench.Storage.Segments, _bench.Side.Directory, _bench.Options);
        var tier = await nodes.GetAsync(store, release, 0, new BlockRange(0, blocks), CancellationToken.None);
        var answers = await tier.AnswerAsync(queries, clip: false, null!, CancellationToken.None);
        Assert.All(answers, answer => Assert.Equal(blocks * BlockRows, answer.SlotsCovered));
        foreach (var counted in _planted.Prepend(tally))
            counted.Add(answers, truths, System.Numerics.BitOperations.PopCount((ulong)blocks));
    }

    /// <summary>Opens the tier, as an answer does that is not paid for yet: after the first time it costs nothing.</summary>
    private async Task OpenAsync(StoreId store, string release, int block)
    {
        var view = (await _bench.Side.Directory.ReadAsync(store))!;
        var ladder = view.LadderOf(view.Release(release)!);
        var decision = await _bench.Storage.Ledger.OpenAsync(store, Reader, new RequestId($"open-{block}"), RequestFingerprint.Of("open"u8), new ReleaseId(release), 0, ladder);
        Assert.Equal(block == 0 ? ladder.Open(0) : PrivacyAmount.Zero, Assert.IsType<LedgerDecision.Admitted>(decision).AccountCost);
    }

    private async Task RequireOneChargeAsync(StoreId store, string release)
    {
        var view = (await _bench.Side.Directory.ReadAsync(store))!;
        var price = view.LadderOf(view.Release(release)!).Open(0);
        var entries = await _bench.Storage.Ledger.ListEntriesAsync(store, Reader, 0, 1000);
        Assert.Single(entries, entry => entry.Entry.Kind == LedgerEntryKind.Open && entry.Entry.AccountAmount.MuSquared > 0);
        Assert.Equal(price, (await _bench.Storage.Ledger.ReadAccountAsync(store, Reader))!.Spent);
        Assert.Equal(price, (await _bench.Storage.Ledger.ReadStoreAsync(store))!.Spent);
    }

    private static RowBatch[] Rows()
    {
        var schema = SchemaFactory.Schema(SchemaFactory.Resolve(Definition));
        var random = new Random(1);
        return [.. Enumerable.Range(0, BlockCount).Select(_ => new RowBatch(
            new FloatMatrix(Points(random, BlockRows, schema.KeyDimension)), new FloatMatrix(Points(random, BlockRows, schema.ValueDimension))))];
    }

    private static Matrix<double> Queries()
    {
        var points = Points(new Random(12), 1, Definition.KeyDimension);
        return new Matrix<double>(points.Rows, points.Columns, [.. points.Data.Select(x => (double)x)]);
    }

    private static Matrix<float> Points(Random random, int count, int dimension)
    {
        var points = new Matrix<float>(count, dimension);
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < dimension; j++)
                points[i, j] = (float)((2 * random.NextDouble() - 1) / Math.Sqrt(dimension) * 0.99);
        }
        return points;
    }

    private static AttentionAnswer[][] NoiseFree(RowBatch[] rows, Matrix<double> queries)
    {
        var parameters = SchemaFactory.Parameters(SchemaFactory.Resolve(Definition));
        var total = MomentMatrix.Empty(parameters);
        return [.. rows.Select(block =>
        {
            total.Add(MomentAccumulator.Sum(parameters, block.ToRows()));
            return MomentAnswerer.ForEvaluation(total).Answer(queries);
        })];
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    /// <summary>
    /// A process that crashes while some of the blocks arrive, at a random call of the storage, before or after it was carried out, and is followed by another one, which has nothing in
    /// memory.
    /// </summary>
    private sealed class Process(Bench bench, Random random, RecordingNoises noise, Action<BlobKey, ReadOnlyMemory<byte>> offered)
    {
        private const double Chance = 0.3;

        // About as many calls as a block takes.
        private const int Calls = 40;
        private Side? _side;
        private GrowthJob? _job;
        private IShardBlocks? _shards;
        private int _left = int.MaxValue;
        private Fault _fault;

        public int Crashes { get; private set; }

        /// <summary>Draws whether, when and how it crashes during the next block.</summary>
        public void Draw() => (_left, _fault) = (random.NextDouble() < Chance ? random.Next(Calls) : int.MaxValue, random.Next(2) == 0 ? Fault.Before : Fault.After);

        public async Task UntilDoneAsync(Func<Side, Task> step)
        {
            while (true)
            {
                _side ??= bench.With(new FaultPlan { Every = Next, Offered = offered }, noise);
                try
                {
                    await step(_side);
                    return;
                }
                catch (Exception e) when (e is StorageException or ProblemException { InnerException: StorageException })
                {
                    Crashes++;
                    (_side, _job, _shards) = (null, null, null);
                }
            }
        }

        public async Task GrowAsync(Side side, StoreId store, string release)
        {
            _job ??= side.Services.Growth(store, release);
            _shards ??= new Continuals.LocalBlocks(side, store);
            Assert.Contains(await _job.RunAsync(_shards, CancellationToken.None), new[] { GrowthOutcome.UpToDate, GrowthOutcome.Settled });
        }

        private Fault? Next(string call) => Interlocked.Decrement(ref _left) == -1 ? _fault : null;
    }

    /// <param name="scale">What the deviations that answers state are multiplied by: 1, or as if they were wrong.</param>
    private sealed class Tally(double scale)
    {
        private readonly Lock _lock = new();
        private double _squares;
        private double _forgetting;

        public long Count { get; private set; }

        public double Largest { get; private set; }

        public double RootMeanSquare => Math.Sqrt(_squares / Count);

        public double ForgettingNodes => Math.Sqrt(_forgetting / Count);

        public void Require(double tolerance)
        {
            Assert.InRange(RootMeanSquare, 1 - tolerance, 1 + tolerance);
            Assert.InRange(Largest, 3, 7);
        }

        public void Add(AttentionAnswer[] answers, AttentionAnswer[] truths, int nodes)
        {
            lock (_lock)
            {
                foreach (var (answer, truth) in answers.Zip(truths))
                {
                    for (var j = 0; j < answer.Output.Length; j++)
                    {
                        var deviations = Math.Abs(answer.Output[j] - truth.Output[j]) / (scale * answer.NoiseDeviation[j]);
                        Largest = Math.Max(Largest, deviations);
                        _squares += deviations * deviations;
                        _forgetting += deviations * deviations * nodes;
                        Count++;
                    }
                }
            }
        }
    }
}
