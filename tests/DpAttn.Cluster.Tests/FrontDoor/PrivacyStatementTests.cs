using System.Numerics;
using System.Text.Json;

namespace DpAttn.Cluster.Tests;

/// <summary>
/// An outsider recomputes the claim from the statement's JSON alone: the sensitivity from the schema, the charge in big integers, and epsilon on the exact
/// Gaussian curve by an integration of its own. Nothing of the product computes here.
/// </summary>
public class PrivacyStatementTests(OneSilo silos)
{
    private static readonly BigInteger Unit = BigInteger.One << 40;

    [Theory]
    [InlineData("moment-tree", SchemaFactory.ReplaceOne)]
    [InlineData("moment-tree", SchemaFactory.AddRemove)]
    [InlineData(Samples.AllLevels, SchemaFactory.ReplaceOne)]
    [InlineData(Samples.AllLevels, SchemaFactory.AddRemove)]
    [InlineData("distance-tree", SchemaFactory.ReplaceOne)]
    [InlineData("distance-tree", SchemaFactory.AddRemove)]
    public async Task The_charge_and_epsilon_follow_from_the_statement_alone(string mechanism, string adjacency)
    {
        var statement = await StatementAsync(adjacency, mechanism);
        var isMoments = mechanism != "distance-tree";
        Assert.Equal((1, "one row", adjacency, isMoments ? "moment-tree" : mechanism), (Int(statement, "version"), Text(statement, "unit"), Text(statement, "adjacency"), Text(statement.GetProperty("mechanism"), "name")));
        var delta = Number(statement, "delta");
        var sensitivity = BigInteger.Parse(Text(statement, "sensitivitySteps"));
        // In units of the values, and of lattice scales that are stated: the moment tree's before its rounding, the distance-tree's as it is.
        var scaled = Number(statement, "sensitivity") * Math.Pow(2, Int(statement, "featureExponent") + Int(statement, "valueExponent"));
        Assert.InRange((double)sensitivity / scaled, 1, isMoments ? 1.01 : 1);
        var dimension = Int(statement, "dimension");
        var columns = Int(statement.GetProperty("definition"), "valueDimension") + 1;
        var nodes = mechanism == Samples.AllLevels ? Int(statement, "nodes") : 1;
        Assert.Equal(dimension, isMoments ? Int(statement, "features") * columns * nodes : Int(statement, "parts") * columns * Int(statement.GetProperty("mechanism"), "copies"));
        var better = BigInteger.Zero;
        foreach (var tier in statement.GetProperty("tiers").EnumerateArray().Reverse())
        {
            var variance = BigInteger.Parse(Text(tier, "variance"));
            var increment = BigInteger.Parse(Text(tier, "increment"));
            // Each tier adds fresh noise to the next better one.
            Assert.Equal(variance, better + increment);
            better = variance;
            // mu^2 in units of 2^-40, rounded up; the slack sqrt(D) / (33 sigma^2) in units of 2^-80, rounded up.
            var units = tier.GetProperty("muSquaredUnits").GetInt64();
            Assert.Equal((sensitivity * sensitivity * Unit + variance - 1) / variance, units);
            var slack = (BigInteger)(Math.Ceiling(Math.Sqrt(dimension)) * Math.Pow(2, 80)) / (33 * variance) + 1;
            Assert.InRange((double)tier.GetProperty("slackUnits").GetInt64(), (double)slack * 0.99 - 1, (double)slack * 1.01 + 1);
            // delta(epsilon; mu) is within the curve's share, and hardly below: the stated epsilon is the true one, within rounding.
            var mu = Math.Sqrt(units / Math.Pow(2, 40));
            var epsilon = Number(tier, "epsilon");
            var share = Number(statement, "gaussianShareOfDelta") * delta;
            Assert.True(Curve(epsilon * (1 + 1e-9), mu) <= share, "epsilon is stated too small");
            Assert.True(Curve(epsilon * (1 - 1e-6), mu) > share, "epsilon is stated too large");
            // The rest of delta covers the discrete noise.
            Assert.True((1 + Math.Exp(epsilon)) * tier.GetProperty("slackUnits").GetInt64() * Math.Pow(2, -80) <= delta - share);
        }
    }

    /// <summary>Under replace-one Delta = 2 B_v w_max sqrt(A + m), and on the lattice never less.</summary>
    [Fact]
    public async Task The_sensitivity_follows_from_the_schema()
    {
        var statement = await StatementAsync(SchemaFactory.ReplaceOne);
        // Ball of radius 1 for keys, queries and values around the origin, scale 1: L = 1, w_max = 1, A = sum |c_j|, m = 0 for positive coefficients.
        var coefficients = statement.GetProperty("kernelCoefficients").EnumerateArray().Select(c => c.GetDouble()).ToArray();
        Assert.Equal(3, coefficients.Length);
        Assert.All(coefficients, c => Assert.True(c > 0));
        var expected = 2 * Math.Sqrt(coefficients.Sum());
        Assert.InRange(Number(statement, "sensitivity"), expected, expected * (1 + 1e-5));
        var steps = (double)BigInteger.Parse(Text(statement, "sensitivitySteps"));
        var onLattice = expected * Math.Pow(2, Int(statement, "featureExponent") + Int(statement, "valueExponent"));
        Assert.InRange(steps, onLattice, onLattice * 1.01);
        // The polynomial is as near to the exponential as it says.
        var worst = Enumerable.Range(-1000, 2001).Select(i => i / 1000.0).Max(t => Math.Abs(coefficients.Select((c, j) => c * Math.Pow(t, j)).Sum() / Math.Exp(t) - 1));
        Assert.Equal(Number(statement, "kernelRelativeError"), worst, 1e-3);
    }

    /// <summary>A slot lies in one node of each level, and all of them are released: sqrt(levels) times the sensitivity of one.</summary>
    [Theory]
    [InlineData(SchemaFactory.ReplaceOne)]
    [InlineData(SchemaFactory.AddRemove)]
    public async Task The_sensitivity_of_all_levels_follows_from_that_of_one_node(string adjacency)
    {
        var (root, all) = (await StatementAsync(adjacency), await StatementAsync(adjacency, Samples.AllLevels));
        // Of 100,000 slots in blocks of 4.
        Assert.Equal((4, 32_768, 65_535, 16), (Int(all, "blockRows"), Int(all, "blocks"), Int(all, "nodes"), Int(all, "levels")));
        var steps = BigInteger.Parse(Text(root, "sensitivitySteps"));
        var joint = BigInteger.Parse(Text(all, "sensitivitySteps"));
        Assert.True(joint * joint >= 16 * steps * steps && (joint - 1) * (joint - 1) < 16 * steps * steps);
        Assert.Equal(4 * Number(root, "sensitivity"), Number(all, "sensitivity"), 1e-9);
        foreach (var name in new[] { "blockRows", "blocks", "nodes", "levels" })
            Assert.True(!root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null);
    }

    /// <summary>Under add-remove a row that is left out moves all later ones to other blocks, which the sensitivity of one slot does not bound.</summary>
    [Theory]
    [InlineData(Samples.AllLevels, SchemaFactory.AddRemove, true)]
    [InlineData(Samples.AllLevels, SchemaFactory.ReplaceOne, false)]
    [InlineData("moment-tree", SchemaFactory.AddRemove, false)]
    public async Task Of_blocks_under_add_remove_it_says_that_leaving_a_row_out_is_not_protected(string mechanism, string adjacency, bool isSaid)
    {
        var statement = await StatementAsync(adjacency, mechanism);
        Assert.Equal(isSaid, statement.GetProperty("notProtected").EnumerateArray().Any(line => line.GetString()!.Contains("must be sent as a null slot", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Of_a_growing_store_under_add_remove_it_says_both()
    {
        var scene = await silos.SceneAsync(Continuals.Definition(adjacency: SchemaFactory.AddRemove));
        var release = await scene.Door.PublishAsync(scene.Owner, scene.Store, new Contracts.PublishRequest(), null);
        var statement = await scene.Door.GetPrivacyStatementAsync(scene.Owner, scene.Store, release.Id);
        Assert.Contains(statement.NotProtected, line => line.Contains("must be sent as a null slot", StringComparison.Ordinal));
        Assert.Contains(statement.NotProtected, line => line.Contains("when blocks close", StringComparison.Ordinal));
    }

    /// <summary>
    /// Of a distance-tree the squared norm F follows from the number of parts that a row meets at the least (each multiplier is 1 or more), and the sensitivity from F and the schema.
    /// </summary>
    [Theory]
    [InlineData(SchemaFactory.ReplaceOne)]
    [InlineData(SchemaFactory.AddRemove)]
    public async Task The_sensitivity_of_a_distance_tree_follows_from_its_weights(string adjacency)
    {
        var statement = await StatementAsync(adjacency, "distance-tree");
        var norm = BigInteger.Parse(Text(statement, "squaredNormSteps"));
        // Weights are scaled to a norm of 2^19.
        Assert.InRange(Math.Sqrt((double)norm), Math.Pow(2, Int(statement, "featureExponent")) * 0.99, Math.Pow(2, Int(statement, "featureExponent")) * 1.01);
        var gamma = (double)statement.GetProperty("gammaSteps").GetInt64();
        var value = Math.Pow(2, Int(statement, "valueExponent")) + Math.Sqrt(3) / 2;
        var copies = Int(statement.GetProperty("mechanism"), "copies");
        var squared = adjacency == SchemaFactory.AddRemove
            ? copies * (double)norm * (gamma * gamma + value * value)
            : 2 * copies * (double)norm * (gamma * gamma + value * value + Math.Max(0, value * value - gamma * gamma));
        Assert.Equal(1, (double)BigInteger.Parse(Text(statement, "sensitivitySteps")) / Math.Sqrt(squared), 1e-6);
        Assert.Equal([1, 1, 0.5], statement.GetProperty("kernelCoefficients").EnumerateArray().Select(c => c.GetDouble()));
        Assert.InRange(Number(statement, "answerErrorBound"), 0, 2 * (1 + 1e-5));
    }

    [Fact]
    public async Task What_is_not_protected_is_said()
    {
        var statement = await StatementAsync(SchemaFactory.ReplaceOne);
        var all = string.Join('\n', statement.GetProperty("notProtected").EnumerateArray().Select(x => x.GetString()));
        foreach (var word in new[] { "queries", "slots", "person", "pool", "at rest", "time" })
            Assert.Contains(word, all);
        Assert.Equal(60, Int(statement, "slots"));
        Assert.Equal(64, Text(statement, "manifestDigest").Length);
    }

    private async Task<JsonElement> StatementAsync(string adjacency, string mechanism = "moment-tree")
    {
        var scene = await silos.SceneAsync(Samples.Of(mechanism, adjacency: adjacency));
        var release = await scene.LoadedAsync();
        await scene.GrantAsync(1);
        return JsonSerializer.SerializeToElement(await scene.Door.GetPrivacyStatementAsync(scene.User, scene.Store, release), JsonSerializerOptions.Web);
    }

    /// <summary>
    /// delta(eps; mu) = integral over x > eps/mu + mu/2 of (phi(x - mu) - e^eps phi(x)), in Simpson's rule: the mass that one distribution has above
    /// e^eps times the other's.
    /// </summary>
    private static double Curve(double epsilon, double mu)
    {
        const int Steps = 200_000;
        var from = epsilon / mu + mu / 2;
        var width = 40.0 / Steps;
        double Excess(double x) => (Math.Exp(-(x - mu) * (x - mu) / 2) - Math.Exp(epsilon - x * x / 2)) / Math.Sqrt(2 * Math.PI);
        var sum = 0.0;
        for (var i = 0; i <= Steps; i++)
            sum += Excess(from + i * width) * (i == 0 || i == Steps ? 1 : i % 2 == 1 ? 4 : 2);
        return sum * width / 3;
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();
}
