using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests.Timing;

/// <summary>
/// How long a per-query refusal, and the drawing of noise, takes on two stores whose rows differ in one: the same. A dependence of 50 microseconds that is planted is found.
/// Each verdict is wrong with probability at most 1e-6 (<see cref="PairedTiming"/>); a machine that is too restless to tell skips the test, and says so.
/// </summary>
public sealed class RowTimingTests(ITestOutputHelper output) : IAsyncDisposable
{
    private const int Rows = 60;
    private const int WarmUp = 300;
    private const double PlantedMicroseconds = PairedTiming.Sought;

    // Far too little for the tier, or enough for every request of the test.
    private const double RefusedTier = 2, AnsweredTier = 0.001, Limit = 1;
    private readonly Bench _bench = new();

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    [Fact]
    public Task A_refusal_takes_the_same_time_whatever_the_rows() => CompareAsync(RefusedTier, queries => queries.RefuseAsync(), _ => (new FaultPlan(), null), TimingVerdict.Same);

    [Fact]
    public Task Noise_takes_the_same_time_whatever_the_rows() => CompareAsync(AnsweredTier, queries => queries.NoiseAsync(), _ => (new FaultPlan(), null), TimingVerdict.Same);

    [Fact]
    public Task A_refusal_that_looks_at_a_row_is_found() => CompareAsync(
        RefusedTier,
        queries => queries.RefuseAsync(),
        rows => (new FaultPlan
        {
            Every = call =>
            {
                if (call == "ledger charge")
                    LookAt(rows);
                return null;
            },
        }, null),
        TimingVerdict.Differs);

    [Fact]
    public Task Noise_that_looks_at_a_row_is_found() =>
        CompareAsync(AnsweredTier, queries => queries.NoiseAsync(), rows => (new FaultPlan(), new LookingNoises(() => LookAt(rows))), TimingVerdict.Differs);

    private async Task CompareAsync(double tier, Func<TimedQueries, Task<double>> measure, Func<RowBatch, (FaultPlan Plan, INoiseSources? Noise)> plant, TimingVerdict expected)
    {
        var (left, right) = Neighbours();
        using TimedQueries onLeft = await MakeAsync(left), onRight = await MakeAsync(right);
        for (var i = 0; i < WarmUp; i++)
        {
            await measure(onLeft);
            await measure(onRight);
        }
        var (verdict, figures) = await PairedTiming.CompareAsync(() => measure(onLeft), () => measure(onRight), seed: 1);
        output.WriteLine($"{verdict}: {figures}");
        Assert.SkipWhen(verdict == TimingVerdict.Unclear, $"this machine is too restless to tell: {figures}");
        Assert.True(verdict == expected, $"{verdict}: {figures}");

        async Task<TimedQueries> MakeAsync(RowBatch rows)
        {
            var store = await LocalQueries.MakeAsync(_bench, PerQueries.Definition() with { Ladder = [tier] }, Limit, rows);
            var (plan, noise) = plant(rows);
            return new TimedQueries(_bench, _bench.With(plan, noise), store);
        }
    }

    /// <summary>Row sets that differ in their last row, of which one has the opposite of the other's.</summary>
    private static (RowBatch Left, RowBatch Right) Neighbours()
    {
        var left = Samples.Rows(Rows, 1);
        var values = (float[])left.Values.Single!.Data.Clone();
        foreach (ref var value in values.AsSpan()[^Samples.ValueDimension..])
            value = -value;
        return (left, left with { Values = new FloatMatrix(new Matrix<float>(Rows, Samples.ValueDimension, values)) });
    }

    /// <summary>What must not be: a longer way for one sign of one value.</summary>
    private static void LookAt(RowBatch rows)
    {
        if (rows.Values.Single!.Data[^1] <= 0)
            return;
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began).TotalMicroseconds < PlantedMicroseconds)
        {
            // Busy, as a computation would be.
        }
    }

    private sealed class LookingNoises(Action look) : INoiseSources
    {
        private readonly KeyedNoiseSources _product = new();

        public INoiseSource Of(ReleaseKey key) => new Source(_product.Of(key), look);

        private sealed class Source(INoiseSource noise, Action look) : INoiseSource
        {
            public void Fill(NoiseAddress address, Span<long> destination)
            {
                look();
                noise.Fill(address, destination);
            }
        }
    }
}
