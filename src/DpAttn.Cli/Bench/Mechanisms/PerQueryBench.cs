using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench.Mechanisms;

/// <summary>The kernel itself, all of a workload's queries in one request, which costs the point's epsilon. A query's time is its share of summing the rows on one thread.</summary>
internal sealed class PerQueryBench : IBenchMechanism
{
    private const int Timings = 3;

    public string Mechanism => PerQueryNoise.Mechanism;

    public string Calibration => "gaussian";

    public IBenchSums Sum(Workload workload, BenchSettings settings) =>
        new Sums(PerQueryRows.Prepare(PerQueryParameters.Create(workload.Schema), workload.Rows, clip: false), workload.Queries);

    private sealed class Sums : IBenchSums
    {
        private readonly PerQueryRows _rows;
        private readonly Matrix<double> _queries;
        private long[]? _exact;

        public Sums(PerQueryRows rows, Matrix<double> queries) => (_rows, _queries) = (rows, queries);

        public double? QueryMicros { get; private set; }

        public BenchPublisher At(Epsilon epsilon, Delta delta)
        {
            var plan = PerQueryPlan.Create(_rows.Parameters, _queries, clip: false, epsilon, delta);
            var exact = _exact ??= SumOnce(plan);
            // No ledger and no store: the digest binds the noise to the sums themselves.
            using var hash = new CanonicalHash("dpattn bench per-query 1");
            hash.Append(exact);
            var digest = PerQueryManifest.Digest(plan, "bench", hash.Finish(), new AccountId("bench"), new RequestId("bench"));
            long? n = plan.Parameters.Schema.Adjacency == Adjacency.ReplaceOne ? _rows.Slots : null;
            return secret =>
            {
                var sums = PerQueryNoise.Draw(plan, ReleaseKey.Derive(secret, digest));
                for (var i = 0; i < sums.Length; i++)
                    sums[i] += exact[i];
                var answers = PerQueryAnswerer.Answer(plan, sums, n);
                return query => answers[query].Output;
            };
        }

        private long[] SumOnce(PerQueryPlan plan)
        {
            var micros = new double[Timings];
            var sums = new long[plan.Dimension];
            for (var i = 0; i < Timings; i++)
            {
                Array.Clear(sums);
                var start = Stopwatch.GetTimestamp();
                PerQuerySums.AddTo(sums, plan, _rows);
                micros[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds / plan.Queries.Rows;
            }
            Array.Sort(micros);
            QueryMicros = micros[Timings / 2];
            return sums;
        }
    }
}
