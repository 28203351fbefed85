using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench.Mechanisms;

/// <summary>The other baseline: softmax attention itself, against which all errors are taken. Not private.</summary>
internal sealed class ExactBench : IBenchMechanism
{
    public string Mechanism => "exact";

    public string Calibration => "none";

    public IBenchSums Sum(Workload workload, BenchSettings settings) => new Sums(workload.Exact, workload.Queries);

    private sealed class Sums(ExactAttention<double> attention, Matrix<double> queries) : IBenchSums
    {
        public double? QueryMicros => null;

        public BenchPublisher At(Epsilon epsilon, Delta delta) => _ => query =>
        {
            var output = new double[attention.ValueDimension];
            attention.Attend(queries.Row(query), output);
            return output;
        };
    }
}
