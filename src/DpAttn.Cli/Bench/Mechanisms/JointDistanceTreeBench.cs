using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench.Mechanisms;

/// <summary>The distance-tree as it is served: joint sensitivity, each feature's grid over its own range. A query's time holds the noise of all nodes that it reads.</summary>
internal sealed class JointDistanceTreeBench : IBenchMechanism
{
    public string Mechanism => DistanceTreeRelease.Mechanism;

    public string Calibration => "joint";

    public IBenchSums Sum(Workload workload, BenchSettings settings)
    {
        var parameters = DistanceTreeParameters.Create(workload.Schema, settings.Degree, settings.Alpha, settings.GridCells, settings.Copies);
        return new Sums(DistanceTreeSums.Sum(parameters, workload.Rows, threads: settings.Threads), workload.Queries);
    }

    private sealed class Sums(DistanceTreeSums exact, Matrix<double> queries) : IBenchSums
    {
        private readonly DistanceTreeNodes _nodes = DistanceTreeNodes.Over(exact);

        public double? QueryMicros => null;

        public BenchPublisher At(Epsilon epsilon, Delta delta)
        {
            var ladder = DistanceTreeRelease.Calibrate(exact.Parameters, [epsilon], delta);
            var digest = DistanceTreeManifest.Digest(exact, ladder);
            return secret =>
            {
                var noise = new DistanceTreeNoise(exact.Parameters, ladder, ReleaseKey.Derive(secret, digest), tier: 0);
                var answerer = new DistanceTreeAnswerer(new ReleasedDistanceTree(_nodes, noise));
                return query => answerer.Answer(queries.Row(query)).Output;
            };
        }
    }
}
