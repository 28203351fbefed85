using System.Text.RegularExpressions;
using DpAttn.Attention.Comparison;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>The paper's calibration, which exists to be compared with.</summary>
public class PaperDistanceTreeTests
{
    private const int Rows = 1000;
    private static readonly StoreSchema Schema = new(Region.Box(3, 0, 1), Region.Box(3, 0, 1), ValueBound.Box(2, 1), 1.0 / 3, Adjacency.ReplaceOne, Rows);

    [Fact]
    public void Without_noise_it_is_attention_within_the_same_terms()
    {
        var (keys, values) = TestRows.Make(TestRows.BoxSchema(3, 2, Rows, 1.0 / 3), Rows, 3);
        var paper = PaperDistanceTree.Create(Schema, 3, 0.1, 1024, 1, RowSet.Create(keys, values));
        // One grid for all features is coarser for most: its error is bounded by that of the joint calibration's bound on a grid that is as coarse.
        var bound = DistanceTreeParameters.Create(Schema, 3, 0.1, 256).ErrorBound;
        var exact = new ExactAttention<double>(keys, values, Schema.Scale);
        var random = new Random(1);
        for (var i = 0; i < 30; i++)
        {
            var (query, truth) = (TestRows.PointIn(Schema.Queries, random), new double[2]);
            exact.Attend(query, truth);
            var answer = paper.Answer(query, null, 0);
            Assert.True(Math.Sqrt(answer.Zip(truth, (x, y) => (x - y) * (x - y)).Sum()) <= bound.Answer);
        }
    }

    /// <summary>100,000 draws: variance within 6 deviations (4 %); every draw within the bound; both signs.</summary>
    [Fact]
    public void Its_noise_is_a_laplace_variable_that_is_cut_off_at_its_bound()
    {
        var noise = new TruncatedLaplace(2, 0.5, 1e-3);
        Assert.Equal(4 * Math.Log(1 + (Math.Exp(0.5) - 1) / 2e-3), noise.Bound, 1e-9);
        var random = new Random(2);
        double[] draws = [.. Enumerable.Range(0, 100_000).Select(_ => noise.Draw(random))];
        Assert.True(draws.Max(Math.Abs) <= noise.Bound);
        var (b, s) = (noise.Bound, noise.Scale);
        var kept = 1 - Math.Exp(-b / s);
        var variance = (2 * s * s - Math.Exp(-b / s) * (b * b + 2 * b * s + 2 * s * s)) / kept;
        Assert.InRange(draws.Average(x => x * x) / variance, 0.96, 1.04);
        Assert.InRange(draws.Average() / Math.Sqrt(variance / 100_000), -6, 6);
        var composed = TruncatedLaplace.Composed(1, 1, 1e-6, 200);
        Assert.Equal(1 / Math.Sqrt(1600 * Math.Log(2e6)), composed.Epsilon, 1e-12);
        Assert.Equal(2.5e-9, composed.Delta, 1e-15);
    }

    /// <summary>A column's noise is what its nodes draw; a node draws once in a release, and each seed is another release.</summary>
    [Fact]
    public void A_release_answers_the_same_again_and_another_one_differs()
    {
        var paper = PaperDistanceTree.Create(Schema, 2, 0.5, 64, 3, TestRows.Rows(Schema, Rows, 3));
        var noise = paper.NoiseAt(50, 1e-6);
        Assert.Equal(7.0 * 10 * 2 * 3, 1e-6 / (2 * noise.Delta), 1e-6);
        double[] query = [0.5, 0.1, 0.9];
        Assert.Equal(paper.Answer(query, noise, 1), paper.Answer(query, noise, 1));
        Assert.NotEqual(paper.Answer(query, noise, 1), paper.Answer(query, noise, 2));
        Assert.NotEqual(paper.Answer(query, noise, 1), paper.Answer(query, null, 1));
    }

    [Fact]
    public void Other_domains_are_refused()
    {
        var rows = TestRows.Rows(TestRows.BallSchema(2, 1, 10), 5, 1);
        Assert.Contains("a box that does not go below 0", Assert.Throws<ArgumentException>(() => PaperDistanceTree.Create(TestRows.BallSchema(2, 1, 10), 2, 0.1, 16, 1, rows)).Message);
        Assert.Contains("need an alpha above 0", Assert.Throws<ArgumentOutOfRangeException>(() => PaperDistanceTree.Create(TestRows.BoxSchema(2, 1, 10, 0.5), 2, 0, 16, 1, rows)).Message);
        Assert.Contains("the schema states", Assert.Throws<ArgumentException>(() => PaperDistanceTree.Create(Schema, 2, 0.1, 16, 1, rows)).Message);
    }

    /// <summary>What is not private may not be reachable: no public type, and no line outside the command line's bench that names its namespace or a type of it.</summary>
    [Fact]
    public void Nothing_that_serves_can_reach_it()
    {
        var types = typeof(PaperDistanceTree).Assembly.GetTypes().Where(type => type.Namespace == typeof(PaperDistanceTree).Namespace).ToArray();
        Assert.NotEmpty(types);
        Assert.All(types, type => Assert.False(type.IsVisible));
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "DpAttnCluster.sln")))
            root = root.Parent;
        if (root is null)
            Assert.Skip("the sources are not there");
        var (separator, sources) = (Path.DirectorySeparatorChar, Path.Combine(root.FullName, "src"));
        string[] names = [.. types.Where(type => !type.IsNested).Select(type => type.Name)];
        Assert.Contains("TruncatedLaplace", names);
        // The namespace, whole or as what is left of it inside DpAttn.Attention, but no StringComparison; every type of it.
        var naming = new Regex($@"\bAttention\.Comparison\b|\bComparison\.|\b({string.Join('|', names)})\b");
        var files = Directory.EnumerateFiles(sources, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{separator}obj{separator}") && naming.IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(sources, file).Replace(separator, '/')).ToArray();
        Assert.Contains("DpAttn.Cli/Bench/Mechanisms/PaperDistanceTreeBench.cs", files);
        Assert.All(files, file => Assert.True(file.StartsWith("DpAttn.Attention/Comparison/", StringComparison.Ordinal) || file.StartsWith("DpAttn.Cli/Bench/", StringComparison.Ordinal), file));
    }

    /// <summary>100,000 uniform rows, d = 8, dv = 64, degree 2, epsilon 1: the joint calibration errs at most a fifth as much, the moment tree at most a hundredth.</summary>
    [Fact]
    [Trait("Suite", "Long")]
    public void The_joint_calibration_errs_a_fifth_as_much_and_the_moment_tree_a_hundredth()
    {
        const int Many = 100_000;
        var schema = new StoreSchema(Region.Box(8, 0, 1), Region.Box(8, 0, 1), ValueBound.Ball(64, 1), 0.125, Adjacency.ReplaceOne, Many);
        var random = new Random(5);
        var (keys, values) = (new Matrix<double>(Many, 8), new Matrix<double>(Many, 64));
        for (var i = 0; i < keys.Data.Length; i++)
            keys.Data[i] = random.NextDouble();
        for (var i = 0; i < values.Data.Length; i++)
            values.Data[i] = (random.NextDouble() - 0.5) / 8;
        var rows = RowSet.Create(keys, values);
        var queries = new Matrix<double>(5, 8, [.. Enumerable.Range(0, 40).Select(_ => random.NextDouble())]);
        var truth = new ExactAttention<double>(keys, values, 0.125).Attend(queries, 2);
        double Error(Func<int, double[]> answer) => Math.Sqrt(Enumerable.Range(0, 5).Average(q => answer(q).Select((x, j) => Math.Pow(x - truth[q, j], 2)).Average()));

        var paper = PaperDistanceTree.Create(schema, 2, 0.1, 1024, 1, rows);
        var paperError = Error(q => paper.Answer(queries.Row(q), paper.NoiseAt(1, 1e-6), 1));
        double Joint(double alpha)
        {
            var parameters = DistanceTreeParameters.Create(schema, 2, alpha, 1024);
            var joint = new DistanceTreeAnswerer(DistanceTreeRelease.Publish(DistanceTreeSums.Sum(parameters, rows, threads: 2), DistanceReleases.Ladder(parameters, 1), new byte[32]).Tiers[0]);
            return Error(q => joint.Answer(queries.Row(q)).Output);
        }
        var moments = MomentParameters.Create(schema, 2);
        var ladder = MomentRelease.Calibrate(moments, [new Epsilon(1)], TestRows.Delta);
        var moment = new MomentAnswerer(MomentRelease.Publish(MomentAccumulator.Sum(moments, rows), ladder, new byte[32]).Tiers[0]);
        double trees = Joint(0.1), exact = Joint(0), momentError = Error(q => moment.Answer(queries.Row(q)).Output);
        TestContext.Current.TestOutputHelper?.WriteLine($"paper {paperError:G3}, joint {trees:G3}, joint exact {exact:G3}, moment-tree {momentError:G3}");
        Assert.True(trees <= paperError / 5);
        Assert.True(exact <= paperError / 5);
        Assert.True(momentError <= paperError / 100);
    }
}
