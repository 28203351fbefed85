using DpAttn.Attention;
using DpAttn.Cli.Bench;
using DpAttn.Cli.Bench.Mechanisms;
using DpAttn.Privacy;

namespace DpAttn.Cli.Tests.Bench;

/// <summary>What the measurement measures is what the library states. Secrets are fixed.</summary>
public class MechanismTests
{
    private const int Rows = 4000;
    private const int Columns = 4;

    private static readonly BenchSettings Settings = new()
    {
        Degree = 4,
        Kernel = KernelMethod.Minimax,
        Alpha = 0.5,
        GridCells = 64,
        Copies = 1,
        Delta = new Delta(1e-6),
        Draws = 30,
        Seed = 1,
        Threads = 1,
    };

    /// <summary>
    /// 8,000 numbers, the deviation 2 B_v / (mu n): a spread of 5 % is 6 deviations of its estimate (the secrets are fixed). Clipping, at 40 deviations, does not matter.
    /// </summary>
    [Fact]
    public void The_private_mean_is_the_mean_with_the_noise_of_its_own_sensitivity()
    {
        var workload = MadeWorkload.All[0].Make(Rows, 3, Columns, 2, Adjacency.ReplaceOne, 1);
        var publish = new PrivateMeanBench().Sum(workload, Settings).At(new Epsilon(1), Settings.Delta);
        var mean = workload.Exact.MeanValue();
        double[] noise = [.. BenchSecrets.Make(2000, 1).SelectMany(secret => publish(secret)(0).Select((x, j) => x - mean[j]))];
        // mu of epsilon 1 at delta 1e-6, from dpattn calc.
        var expected = 2 / 0.236704380663413 / Rows;
        Assert.InRange(Math.Sqrt(noise.Average(x => x * x)) / expected, 0.95, 1.05);
        Assert.InRange(noise.Average() / expected * Math.Sqrt(noise.Length), -6, 6);
    }

    /// <summary>300 releases: the error of the moment tree, whose kernel error is far below its noise here, is the noise that its answers state, to 10 %.</summary>
    [Fact]
    public void The_measured_error_of_the_moment_tree_is_its_stated_noise()
    {
        var workload = MadeWorkload.All[0].Make(Rows, 3, Columns, 4, Adjacency.ReplaceOne, 1);
        var parameters = MomentParameters.Create(workload.Schema, Settings.Degree);
        var released = MomentRelease.Publish(MomentAccumulator.Sum(parameters, workload.Rows), MomentRelease.Calibrate(parameters, [new Epsilon(1)], Settings.Delta), new byte[32]);
        var stated = Math.Sqrt(new MomentAnswerer(released.Tiers[0]).Answer(workload.Queries).SelectMany(answer => answer.NoiseDeviation).Average(x => x * x));
        var error = Error(new MomentTreeBench(), workload, 300);
        Assert.InRange(error / stated, 0.9, 1.1);
    }

    /// <summary>The same for a request of per-query, to 10 %.</summary>
    [Fact]
    public void The_measured_error_of_per_query_is_its_stated_noise()
    {
        var workload = MadeWorkload.All[0].Make(Rows, 3, Columns, 4, Adjacency.ReplaceOne, 1);
        var plan = PerQueryPlan.Create(PerQueryParameters.Create(workload.Schema), workload.Queries, clip: false, new Epsilon(1), Settings.Delta);
        var sums = new long[plan.Dimension];
        PerQuerySums.AddTo(sums, plan, PerQueryRows.Prepare(plan.Parameters, workload.Rows, clip: false));
        var stated = Math.Sqrt(PerQueryAnswerer.Answer(plan, sums, Rows).SelectMany(answer => answer.NoiseDeviation).Average(x => x * x));
        Assert.InRange(Error(new PerQueryBench(), workload, 300) / stated, 0.9, 1.1);
    }

    [Fact]
    public void The_spread_of_draws_is_their_range_without_two_and_a_half_percent_at_each_end()
    {
        var spread = ErrorSpread.Of([.. Enumerable.Range(0, 41).Select(i => (double)i).Reverse()]);
        Assert.Equal(1, spread.Low, 1e-12);
        Assert.Equal(39, spread.High, 1e-12);
        Assert.Equal(Math.Sqrt(40 * 41 * 81 / 6.0 / 41), spread.Rmse, 1e-12);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Made_rows_lie_within_their_bounds_and_have_something_to_find(int kind)
    {
        var workload = MadeWorkload.All[kind].Make(Rows, 5, Columns, 8, Adjacency.ReplaceOne, 1);
        Assert.Equal(kind == 0 ? 0.2 : 1, workload.Schema.Scale, 1e-15);
        Assert.InRange(workload.SignalRms, 0.001, 0.5);
    }

    private static double Error(IBenchMechanism mechanism, Workload workload, int draws)
    {
        var publish = mechanism.Sum(workload, Settings).At(new Epsilon(1), Settings.Delta);
        return Math.Sqrt(BenchSecrets.Make(draws, 1).Average(secret =>
        {
            var ask = publish(secret);
            return Enumerable.Range(0, workload.Queries.Rows).Average(q => ask(q).Select((x, j) => (x - workload.Truth[q, j]) * (x - workload.Truth[q, j])).Average());
        }));
    }
}
