using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench.Mechanisms;

/// <summary>The root release of the moment tree.</summary>
internal sealed class MomentTreeBench : IBenchMechanism
{
    public string Mechanism => MomentRelease.Mechanism;

    public string Calibration => "gaussian";

    public IBenchSums Sum(Workload workload, BenchSettings settings)
    {
        var parameters = MomentParameters.Create(workload.Schema, settings.Degree, settings.Kernel);
        return new Sums(MomentAccumulator.Sum(parameters, workload.Rows, threads: settings.Threads), workload.Queries);
    }

    private sealed class Sums(MomentMatrix exact, Matrix<double> queries) : IBenchSums
    {
        public double? QueryMicros => null;

        public BenchPublisher At(Epsilon epsilon, Delta delta)
        {
            var ladder = MomentRelease.Calibrate(exact.Parameters, [epsilon], delta);
            var digest = MomentManifest.Digest(exact, ladder);
            return secret =>
            {
                var answerer = new MomentAnswerer(MomentRelease.Publish(exact, ladder, ReleaseKey.Derive(secret, digest)).Tiers[0]);
                return query => answerer.Answer(queries.Row(query)).Output;
            };
        }
    }
}
