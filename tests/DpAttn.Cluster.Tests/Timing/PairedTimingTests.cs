namespace DpAttn.Cluster.Tests.Timing;

/// <summary>The comparison of durations by itself, on durations that are made up: what it lets pass, and what it finds.</summary>
public class PairedTimingTests
{
    [Theory]
    [InlineData(10, 5, 638.0 / 1024)]
    [InlineData(8, 1, 255.0 / 256)]
    [InlineData(10, 10, 1.0 / 1024)]
    [InlineData(10, 9, 11.0 / 1024)]
    [InlineData(8000, 0, 1)]
    public void The_tail_is_the_binomials(int n, int count, double expected) => Assert.Equal(expected, PairedTiming.Tail(count, n), 1e-10);

    /// <summary>Restless measurements, with delays of milliseconds among them; neither takes longer.</summary>
    [Theory]
    [InlineData(0, 20)]
    [InlineData(0, 100)]
    [InlineData(5, 60)]
    [InlineData(-5, 60)]
    public async Task Durations_that_do_not_differ_pass(double shift, double noise)
    {
        for (var seed = 0; seed < 20; seed++)
            Assert.Equal(TimingVerdict.Same, await CompareAsync(shift, noise, seed));
    }

    [Theory]
    [InlineData(50, 20)]
    [InlineData(50, 100)]
    [InlineData(-50, 60)]
    public async Task Fifty_microseconds_are_found(double shift, double noise)
    {
        for (var seed = 0; seed < 20; seed++)
            Assert.Equal(TimingVerdict.Differs, await CompareAsync(shift, noise, seed));
    }

    [Fact]
    public async Task A_machine_that_is_too_restless_is_said_to_be()
    {
        Assert.Equal(TimingVerdict.Unclear, await CompareAsync(0, 3000, 1));
    }

    /// <summary>A drift, and a second measurement that is always faster, meet both sides alike.</summary>
    [Fact]
    public async Task Order_and_drift_do_not_count()
    {
        var (random, count) = (new Random(5), 0);
        Task<double> Measure() => Task.FromResult(300 + count / 20.0 + 120 * (count++ % 2) + Noise(random, 40));
        Assert.Equal(TimingVerdict.Same, (await PairedTiming.CompareAsync(Measure, Measure, 5)).Verdict);
    }

    private static async Task<TimingVerdict> CompareAsync(double shift, double noise, int seed)
    {
        var random = new Random(1000 + seed);
        return (await PairedTiming.CompareAsync(() => Task.FromResult(300 + Noise(random, noise)), () => Task.FromResult(300 + shift + Noise(random, noise)), seed)).Verdict;
    }

    /// <summary>Exponential on both sides, and every hundredth time a delay.</summary>
    private static double Noise(Random random, double scale) =>
        (random.Next(2) == 0 ? 1 : -1) * -Math.Log(1 - random.NextDouble()) * scale + (random.Next(100) == 0 ? 5000 * random.NextDouble() : 0);
}
