using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

public class NoiseScaleTests
{
    private const int Entries = 720_000;

    /// <summary>
    /// Noised minus exact over at least 7e5 entries: the mean square over sigma^2 has a deviation of sqrt(2/720000) = 0.17 %, so 1 % is six
    /// deviations, a false alarm of 2e-9 (and secrets are fixed).
    /// </summary>
    [Theory]
    [InlineData(Adjacency.ReplaceOne)]
    [InlineData(Adjacency.AddRemove)]
    public void Released_sums_carry_exactly_their_calibrated_noise(Adjacency adjacency)
    {
        Assert.InRange(MeanSquare(adjacency, factor: 1), 0.99, 1.01);
        // The same measurement of a build whose noise is 30 % off.
        Assert.False(MeanSquare(adjacency, factor: 0.7) is >= 0.99 and <= 1.01);
        Assert.False(MeanSquare(adjacency, factor: 1.3) is >= 0.99 and <= 1.01);
    }

    [Theory]
    [InlineData(Adjacency.ReplaceOne)]
    [InlineData(Adjacency.AddRemove)]
    public void The_noise_is_calibrated_to_the_stated_epsilon(Adjacency adjacency)
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(3, 2, 10, adjacency: adjacency), 2);
        foreach (var epsilon in new[] { 0.1, 1, 8 })
        {
            var tier = MomentRelease.Calibrate(parameters, [new Epsilon(epsilon)], TestRows.Delta).Tiers[0];
            var mu = new Mu((double)parameters.Sensitivity.Integer / tier.Variance.Sigma.Value);
            Assert.InRange(GaussianCurve.EpsilonFor(mu, new Delta(0.999e-6)).Value, epsilon * (1 - 1e-9), epsilon * (1 + 1e-11));
        }
    }

    /// <summary>A release, and the answers from it, are a function of the secret and the rows: nothing is drawn anew.</summary>
    [Fact]
    public void Publishing_again_under_one_secret_gives_the_same_integers_and_other_rows_get_other_noise()
    {
        var schema = TestRows.BallSchema(3, 2, 50);
        var parameters = MomentParameters.Create(schema, 2);
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(0.5), new Epsilon(1)], TestRows.Delta);
        var secret = SHA256.HashData("secret"u8);
        var rows = TestRows.Rows(schema, 50, 1);
        var first = Publish(parameters, ladder, rows, secret);
        Assert.Equal(first.Tiers[1].Values, Publish(parameters, ladder, rows, secret).Tiers[1].Values);
        Assert.Equal(first.Tiers[0].Values, Publish(parameters, ladder, rows, secret).Tiers[0].Values);

        // The same secret on a neighbour: were the noise the same, the difference would be the rows'.
        var (keys, values) = TestRows.Make(schema, 50, 1);
        values[0, 0] = -values[0, 0];
        var neighbour = RowSet.Create(keys, values);
        var difference = first.Tiers[1].Values.Zip(Publish(parameters, ladder, neighbour, secret).Tiers[1].Values, (x, y) => (double)(x - y)).ToArray();
        Assert.All(difference, x => Assert.True(Math.Abs(x) > 1000, "noise cancelled"));
        // Another ladder on the same rows and secret draws other noise too.
        var other = MomentRelease.Calibrate(parameters, [new Epsilon(0.5), new Epsilon(1.001)], TestRows.Delta);
        Assert.NotEqual(first.Tiers[0].Values, Publish(parameters, other, rows, secret).Tiers[0].Values);
    }

    private static MomentRelease Publish(MomentParameters parameters, NoiseLadder ladder, RowSet rows, byte[] secret) =>
        MomentRelease.Publish(MomentAccumulator.Sum(parameters, rows), ladder, secret);

    private static double MeanSquare(Adjacency adjacency, double factor)
    {
        var schema = TestRows.BallSchema(20, 16, 300, adjacency: adjacency);
        var parameters = MomentParameters.Create(schema, 2);
        var exact = MomentAccumulator.Sum(parameters, TestRows.Rows(schema, 300, 2));
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(1)], TestRows.Delta);
        double squares = 0;
        var count = 0L;
        for (var i = 0; count < Entries; i++)
        {
            var noise = new KeyedNoise(ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(i)), new byte[32]));
            var release = MomentRelease.Publish(exact, ladder, factor == 1 ? noise : new ScaledNoise(noise, factor)).Tiers[0];
            for (var k = 0; k < release.Values.Length; k++)
                squares += Math.Pow(release.Values[k] - exact.Sums[k], 2);
            count += release.Values.Length;
        }
        return squares / count / (double)ladder.Tiers[0].Variance.Value;
    }
}
