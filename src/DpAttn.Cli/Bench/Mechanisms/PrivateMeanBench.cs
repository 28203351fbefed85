using System.Numerics;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench.Mechanisms;

/// <summary>
/// The baseline that knows nothing of the query: the private mean value, one Gaussian release of the values' sum. A mechanism that errs more is not worth its price.
/// </summary>
/// <remarks>
/// Sensitivity, V a value's norm in steps after rounding: 2 V under replace-one, where n is public; sqrt(g^2 + V^2) under add-remove, where the count is a column of its own of g steps a row.
/// </remarks>
internal sealed class PrivateMeanBench : IBenchMechanism
{
    // Fine enough for noise at the largest epsilon, coarse enough for the sum of 2^30 rows.
    private const int ValueBits = 30;

    public string Mechanism => "mean";

    public string Calibration => "gaussian";

    public IBenchSums Sum(Workload workload, BenchSettings settings)
    {
        var schema = workload.Schema;
        var exponent = ValueBits - Math.ILogB(schema.Values.BoundingRadius);
        var norm = (BigInteger)Math.Ceiling((Math.ScaleB(schema.Values.BoundingRadius, exponent) + Math.Sqrt(schema.ValueDimension) / 2) * (1 + 1e-12));
        var replaceOne = schema.Adjacency == Adjacency.ReplaceOne;
        var gamma = replaceOne ? 0 : (long)Math.Ceiling(Math.ScaleB(schema.Values.BoundingRadius / Math.Sqrt(Math.Sqrt(schema.ValueDimension)), exponent));
        var sums = new long[schema.ValueDimension + 1];
        sums[0] = gamma * workload.Values.Rows;
        for (var i = 0; i < workload.Values.Rows; i++)
        {
            var value = workload.Values.Row(i);
            for (var j = 0; j < value.Length; j++)
                sums[j + 1] += (long)Math.Round(Math.ScaleB(value[j], exponent));
        }
        // Rounded up by a step, which is far below a millionth.
        var sensitivity = replaceOne ? 2 * norm : (BigInteger)Math.Ceiling(Math.Sqrt((double)(norm * norm + (BigInteger)gamma * gamma))) + 1;
        return new Sums(schema, sums, gamma, sensitivity, workload.Values.Rows, exponent);
    }

    private sealed class Sums(StoreSchema schema, long[] exact, long gamma, BigInteger sensitivity, int rows, int exponent) : IBenchSums
    {
        public double? QueryMicros => null;

        public BenchPublisher At(Epsilon epsilon, Delta delta)
        {
            var tier = NoiseLadder.Calibrate(sensitivity, exact.Length, [epsilon], delta).Tiers[0];
            using var hash = new CanonicalHash("dpattn bench mean 1");
            hash.Append(exact);
            var digest = hash.Finish();
            return secret =>
            {
                var noised = new long[exact.Length];
                new KeyedNoise(ReleaseKey.Derive(secret, digest)).Fill(new NoiseAddress("bench mean", 0, 1, tier.Variance), noised);
                for (var c = 0; c < noised.Length; c++)
                    noised[c] += exact[c];
                var count = gamma == 0 ? rows : (double)noised[0] / gamma;
                var mean = new double[exact.Length - 1];
                for (var j = 0; j < mean.Length && count > 0; j++)
                    mean[j] = Math.ScaleB(noised[j + 1], -exponent) / count;
                schema.Values.ClipEstimate(mean);
                return _ => mean;
            };
        }
    }
}
