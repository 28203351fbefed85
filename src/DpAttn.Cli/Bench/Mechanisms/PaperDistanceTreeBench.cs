using DpAttn.Attention;
using DpAttn.Attention.Comparison;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench.Mechanisms;

/// <summary>The distance-tree as the paper publishes it: one grid over [0, max P_a] for all features, truncated Laplace noise by advanced composition. Not private, and here alone.</summary>
internal sealed class PaperDistanceTreeBench : IBenchMechanism
{
    public string Mechanism => DistanceTreeRelease.Mechanism;

    public string Calibration => "paper";

    public IBenchSums Sum(Workload workload, BenchSettings settings) =>
        new Sums(PaperDistanceTree.Create(workload.Schema, settings.Degree, settings.Alpha, settings.GridCells, settings.Copies, workload.Rows), workload.Queries);

    private sealed class Sums(PaperDistanceTree tree, Matrix<double> queries) : IBenchSums
    {
        public double? QueryMicros => null;

        public BenchPublisher At(Epsilon epsilon, Delta delta)
        {
            var noise = tree.NoiseAt(epsilon.Value, delta.Value);
            return secret =>
            {
                var seed = BitConverter.ToInt32(secret);
                return query => tree.Answer(queries.Row(query), noise, seed);
            };
        }
    }
}
