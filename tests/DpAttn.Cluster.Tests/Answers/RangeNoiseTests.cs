using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// Answers from ranges of blocks, made by the service's model as a publish makes them, have the noise that they state: pooled over 1,500 fixed secrets, the root mean square of errors over
/// stated deviations lies within 5 % of 1. Three columns with noise of their own and several directions give it a deviation of below 1.1 % (numerators alone: 4,500 draws); with fresh secrets
/// 5 % would be passed by chance with a probability below 5e-6, and these are fixed.
/// </summary>
public class RangeNoiseTests
{
    private const int Secrets = 1500;
    private const int Blocks = 8;
    private const int BlockRows = 512;
    private static readonly TreeModel Model = (TreeModel)Moments.ModelOf(
        Samples.Definition() with { Mechanism = new MechanismDefinition(Levels: "all", BlockRows: BlockRows), Capacity = BlockRows * Blocks, Ladder = [10], Limit = 12, Delta = 1e-3, Scale = 0.5 });
    private static readonly MomentMatrix[] Leaves =
        [.. MomentTreeSums.Cut(Model.Tree, Samples.Rows(BlockRows * Blocks, 3).ToRows()).Select(piece => MomentAccumulator.Sum(Model.Moments, piece.Rows))];

    [Theory]
    [InlineData(0, 8, 1)]
    [InlineData(3, 4, 1)]
    [InlineData(2, 8, 2)]
    [InlineData(1, 7, 4)]
    public async Task The_noise_of_a_range_is_the_one_that_is_stated(int from, int to, int nodes)
    {
        Assert.Equal(nodes, Model.Tree.NodesOf(from, to, new TreeExtent(Blocks, IsFinished: true)).Count);
        RequireStated(await PooledAsync(from, to, key => new KeyedNoise(key)));
    }

    [Theory]
    [InlineData(1.3)]
    [InlineData(0.7)]
    public async Task Noise_that_is_30_percent_off_is_found(double factor)
    {
        var pooled = await PooledAsync(1, 7, key => new Scaled(new KeyedNoise(key), factor));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => RequireStated(pooled));
    }

    private static void RequireStated(double pooled) => Assert.InRange(pooled, 0.95, 1.05);

    private static async Task<double> PooledAsync(int from, int to, Func<ReleaseKey, INoiseSource> noise)
    {
        var ladder = Model.LadderOf([10]);
        var extent = new TreeExtent(Blocks, IsFinished: true);
        var exact = MomentMatrix.Empty(Model.Moments);
        foreach (var leaf in Leaves[from..to])
            exact.Add(leaf);
        var queries = Samples.Queries(4);
        var noiseFree = new MomentAnswerer(new ReleasedMoments(Model.Moments, 0, ladder.Tiers[0].Variance, exact.Slots, exact.Sums)).Answer(queries);
        double squares = 0;
        var count = 0;
        for (var secret = 0; secret < Secrets; secret++)
        {
            var key = ReleaseKey.Derive(SHA256.HashData(BitConverter.GetBytes(secret)), Model.Bind(ladder, BlockRows * Blocks, new byte[32]));
            var climb = new NodeClimb(Model.Tree, Blocks);
            var nodes = new Dictionary<long, ReleasedNode>();
            foreach (var leaf in Leaves)
            {
                // A leaf's sums are used up.
                foreach (var node in climb.Push(new MomentMatrix(Model.Moments, [.. leaf.Sums], leaf.Slots)))
                    nodes.Add(node.Node, ReleasedNode.Publish(Model.Tree, node, ladder, noise(key))[0]);
            }
            var range = ReleasedRange.Of(Model.Tree, extent, from, to, node => nodes[node]);
            var answers = await new MomentAnswers(range.Moments).AnswerAsync(queries, false, null!, CancellationToken.None);
            for (var i = 0; i < answers.Length; i++)
            {
                for (var j = 0; j < answers[i].Output.Length; j++, count++)
                    squares += Math.Pow((answers[i].Output[j] - noiseFree[i].Output[j]) / answers[i].NoiseDeviation[j], 2);
            }
        }
        return Math.Sqrt(squares / count);
    }

    private sealed class Scaled(INoiseSource noise, double factor) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination)
        {
            noise.Fill(address, destination);
            for (var i = 0; i < destination.Length; i++)
                destination[i] = (long)Math.Round(destination[i] * factor);
        }
    }
}
