namespace DpAttn.Attention.Tests;

/// <summary>
/// An adversary without limits learns the noised moment matrix, which is what was paid for, and nothing sharper: from as many queries as features it has the matrix, further ones, chosen however cleverly,
/// tell what it knows already, and averaging takes nothing off the noise. Builds that draw fresh noise for each answer are the companion.
/// </summary>
public class UnlimitedQueriesTests
{
    private const int Rows = 400;
    private static readonly StoreSchema Schema = TestRows.BallSchema(2, 2, Rows);
    private static readonly MomentParameters Parameters = MomentParameters.Create(Schema, 2);
    private static readonly MomentMatrix Exact = MomentAccumulator.Sum(Parameters, TestRows.Rows(Schema, Rows, 5));

    [Fact]
    public void Answers_give_the_noised_matrix_exactly_and_more_answers_the_same_one()
    {
        for (var secret = 0; secret < 20; secret++)
        {
            var released = Release(secret);
            var sigma = released.Deviation.Value;
            foreach (var queries in new[] { Parameters.Features, 10 * Parameters.Features, 100 * Parameters.Features })
            {
                var found = Reconstruct(released, queries, seed: secret);
                // A millionth of the noise is what doubles round.
                for (var a = 0; a < Parameters.Features; a++)
                {
                    for (var c = 0; c < Parameters.Columns; c++)
                        Assert.Equal(released.Matrix[a * Parameters.Columns + c], found[a, c], 1e-6 * sigma);
                }
            }
        }
    }

    /// <summary>
    /// Mean square error of the reconstruction over the noise's variance: 200 secrets of 18 numbers have it at 1 within 14 % (6 deviations), after 6 queries and after 600. Fresh noise for each of
    /// 600 answers would leave a hundredth.
    /// </summary>
    [Fact]
    public void A_hundred_times_the_queries_take_nothing_off_the_noise_and_of_fresh_noise_nearly_all()
    {
        var most = 100 * Parameters.Features;
        double few = 0, many = 0, fresh = 0;
        const int Secrets = 200;
        for (var secret = 0; secret < Secrets; secret++)
        {
            var released = Release(secret);
            few += Error(Reconstruct(released, Parameters.Features, secret), released);
            many += Error(Reconstruct(released, most, secret), released);
            // The planted fault: every answer from noise of its own.
            fresh += secret % 20 == 0 ? 20 * Error(Reconstruct(i => Release(1_000_000 + secret * most + i), most, secret), released) : 0;
        }
        double numbers = Secrets * Parameters.Dimension, allowed = 6 * Math.Sqrt(2 / numbers);
        Assert.InRange(few / numbers, 1 - allowed, 1 + allowed);
        Assert.Equal(few, many, 1e-6 * few);
        Assert.InRange(fresh / numbers, 0, 0.3);
    }

    /// <summary>Each query is chosen from the answers before, where the reconstruction says the answer moves most; every answer is the one that was predicted.</summary>
    [Fact]
    public void Every_further_answer_of_an_adaptive_adversary_is_known_beforehand_and_of_fresh_noise_it_is_not()
    {
        var released = Release(1);
        var matrix = Reconstruct(released, Parameters.Features, seed: 1);
        Assert.InRange(Surprise(matrix, _ => released), 0, 1e-6);
        Assert.True(Surprise(matrix, i => Release(1000 + i)) > 1);
    }

    /// <summary>The largest difference of a number from its prediction, in deviations of its noise, over 500 adaptive queries of one release.</summary>
    private static double Surprise(double[,] matrix, Func<int, ReleasedMoments> build)
    {
        var random = new Random(7);
        double[] place = [0.1, 0.2];
        var largest = 0.0;
        for (var i = 0; i < 500; i++)
        {
            var released = build(i);
            var view = new Reconstruction(Parameters, Unit(released.Deviation.Value));
            var answer = new MomentAnswerer(released).Answer(place);
            var (seen, predicted) = (Steps(view.Read(place, answer)), view.Predict(matrix, place));
            var noise = released.Deviation.Value * Math.Sqrt(view.FeaturesOf(place).Sum(x => x * x));
            largest = Math.Max(largest, seen.Zip(predicted, (x, y) => Math.Abs(x - y) / noise).Max());
            // Towards where the last answer points, within the ball.
            double[] next = [place[0] + 0.3 * answer.Output[0] + 0.1 * TestRows.Gaussian(random), place[1] + 0.3 * answer.Output[1] + 0.1 * TestRows.Gaussian(random)];
            var length = Math.Sqrt(next[0] * next[0] + next[1] * next[1]);
            place = length > 0.99 ? [next[0] / length * 0.99, next[1] / length * 0.99] : next;
        }
        return largest;
    }

    private static double[,] Reconstruct(ReleasedMoments released, int queries, int seed) => Reconstruct(_ => released, queries, seed);

    private static double[,] Reconstruct(Func<int, ReleasedMoments> build, int queries, int seed)
    {
        var random = new Random(seed);
        Reconstruction? view = null;
        for (var i = 0; i < queries; i++)
        {
            var released = build(i);
            view ??= new Reconstruction(Parameters, Unit(released.Deviation.Value));
            // Around the rim, in even turns, and near the centre: far from a singular system.
            var (angle, radius) = (2 * Math.PI * (i + 0.1 * random.NextDouble()) / 5, i % 6 == 5 ? 0.1 : 0.95);
            double[] query = [radius * Math.Cos(angle), radius * Math.Sin(angle)];
            view.Add(query, new MomentAnswerer(released).Answer(query));
        }
        var solved = view!.Solve();
        var found = new double[solved.GetLength(0), solved.GetLength(1)];
        for (var a = 0; a < found.GetLength(0); a++)
        {
            for (var c = 0; c < found.GetLength(1); c++)
                found[a, c] = Math.ScaleB(solved[a, c], Parameters.FeatureExponent + Parameters.ValueExponent);
        }
        return found;
    }

    /// <summary>The sum of squared errors against the exact sums, in variances.</summary>
    private static double Error(double[,] found, ReleasedMoments released)
    {
        var sum = 0.0;
        for (var k = 0; k < Exact.Sums.Length; k++)
            sum += Math.Pow((found[k / Parameters.Columns, k % Parameters.Columns] - Exact.Sums[k]) / released.Deviation.Value, 2);
        return sum;
    }

    // Answers speak in units of values; the matrix in lattice steps.
    private static double Unit(double steps) => Math.ScaleB(steps, -(Parameters.FeatureExponent + Parameters.ValueExponent));

    private static double[] Steps(double[] units) => Array.ConvertAll(units, x => Math.ScaleB(x, Parameters.FeatureExponent + Parameters.ValueExponent));

    private static ReleasedMoments Release(int secret) =>
        MomentRelease.Publish(Exact, MomentRelease.Calibrate(Parameters, [new(16)], TestRows.Delta), PerQueryRequests.Noise(secret)).Tiers[0];
}
