using DpAttn.Attention.IO;

namespace DpAttn.Attention.Tests;

/// <summary>The main job on real rows, over 100 releases each: what it is worth, and what it says of itself. Figures go to the test's output.</summary>
[Trait("Suite", "Long")]
public class RealRowsTests
{
    private const int ReleaseCount = 100;

    [Fact]
    public void Packages_at_epsilon_1()
    {
        var store = Load("packages", Region.Ball(64, 1), scale: 1);
        var figures = Measure(store, epsilon: 1);
        Assert.Equal(0.0059, figures.Signal, 0.0001);
        Assert.InRange(figures.Error, 0, 0.00050);
        Assert.InRange(figures.Coverage, 0.94, 0.96);
        Assert.InRange(figures.Indistinguishable, 0, 0.01);
        Assert.InRange(figures.TopOneGap, -2, 2);
    }

    [Fact]
    public void Letters_at_epsilon_a_tenth_one_and_eight()
    {
        var store = Load("letters", Region.Box(16, 0, 1), scale: 1 / 16.0);
        var one = Measure(store, epsilon: 1);
        Assert.Equal(0.00042, one.Signal, 0.00001);
        Assert.InRange(one.Error, 0, 0.00075);
        Assert.InRange(one.Coverage, 0.92, 0.98);
        var eight = Measure(store, epsilon: 8);
        Assert.InRange(eight.Error, 0, 0.00013);
        Assert.InRange(eight.Coverage, 0.92, 0.98);
        Assert.InRange(Measure(store, epsilon: 0.1).Indistinguishable, 0.8, 1);
    }

    [Fact]
    public void Packages_with_values_all_alike_cannot_be_told_from_their_mean()
    {
        var store = Load("packages", Region.Ball(64, 1), scale: 1);
        store.Values.Data.AsSpan().Fill(0.25);
        Assert.InRange(Measure(store, epsilon: 1).Indistinguishable, 0.93, 0.97);
    }

    private static Store Load(string set, Region region, double scale)
    {
        var keys = SharedData.Matrix(set, "keys.npy").ToDouble();
        var values = SharedData.Matrix(set, "values.npy").ToDouble();
        var schema = new StoreSchema(region, region, ValueBound.Ball(values.Columns, 1), scale, Adjacency.ReplaceOne, keys.Rows);
        return new Store(schema, keys, values, SharedData.Matrix(set, "queries.npy").ToDouble(), Npy.ReadLabels(SharedData.PathOf(set, "query_labels.npy")));
    }

    private static Figures Measure(Store store, double epsilon)
    {
        var parameters = MomentParameters.Create(store.Schema, 2);
        var sums = MomentAccumulator.Sum(parameters, RowSet.Create(store.Keys, store.Values), clip: true, threads: 2);
        var attention = new ExactAttention<double>(store.Keys, store.Values, store.Schema.Scale);
        var exact = attention.Attend(store.Queries, threads: 2);
        var mean = attention.MeanValue();
        var noiseFree = MomentAnswerer.ForEvaluation(sums).Answer(store.Queries, clip: true);
        double signal = 0, error = 0, noise = 0;
        long covered = 0, flagged = 0, right = 0, rightExact = 0;
        for (var i = 0; i < exact.Rows; i++)
        {
            for (var j = 0; j < mean.Length; j++)
                signal += Math.Pow(exact[i, j] - mean[j], 2);
            rightExact += ArgMax(exact.Row(i), mean) == store.Labels[i] ? 1 : 0;
        }
        foreach (var answerer in Releases.Of(sums, epsilon, ReleaseCount, threads: 2))
        {
            var answers = answerer.Answer(store.Queries, clip: true);
            for (var i = 0; i < answers.Length; i++)
            {
                for (var j = 0; j < mean.Length; j++)
                {
                    error += Math.Pow(answers[i].Output[j] - exact[i, j], 2);
                    noise += Math.Pow(answers[i].Output[j] - noiseFree[i].Output[j], 2);
                    covered += answers[i].Intervals[j].Contains(noiseFree[i].Output[j]) ? 1 : 0;
                }
                flagged += answers[i].IsIndistinguishableFromMean is true ? 1 : 0;
                right += ArgMax(answers[i].Output, answerer.MeanValue) == store.Labels[i] ? 1 : 0;
            }
        }
        double queries = exact.Rows, entries = queries * mean.Length, all = entries * ReleaseCount;
        var figures = new Figures(
            Math.Sqrt(signal / entries), Math.Sqrt(error / all), Math.Sqrt(noise / all), covered / all, flagged / queries / ReleaseCount,
            100 * (rightExact / queries - right / queries / ReleaseCount));
        TestContext.Current.TestOutputHelper!.WriteLine($"epsilon {epsilon}: {figures}, top-1 of exact attention {rightExact / queries:P1}, kernel error bound {noiseFree[0].KernelErrorBound:G3}, rounding {parameters.RoundingErrorBound:G2}");
        return figures;
    }

    private static int ArgMax(ReadOnlySpan<double> output, ReadOnlySpan<double> mean)
    {
        var best = 0;
        for (var j = 1; j < output.Length; j++)
        {
            if (output[j] - mean[j] > output[best] - mean[best])
                best = j;
        }
        return best;
    }

    private sealed record Store(StoreSchema Schema, Matrix<double> Keys, Matrix<double> Values, Matrix<double> Queries, int[] Labels);

    /// <summary>Root mean squares of exact attention minus mean, private minus exact, private minus noise-free; shares; points of top-1.</summary>
    private sealed record Figures(double Signal, double Error, double Noise, double Coverage, double Indistinguishable, double TopOneGap);
}
