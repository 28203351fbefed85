using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>Audits under fixed secrets, so that each has one outcome for ever.</summary>
internal static class Audits
{
    public static readonly Delta Delta = new(1e-6);

    public static string[] Adjacencies { get; } = ["replace-one", "add-remove"];

    public static Adjacency Adjacency(string name) => name == "replace-one" ? Attention.Adjacency.ReplaceOne : Attention.Adjacency.AddRemove;

    /// <summary>Every mechanism under both adjacencies.</summary>
    public static TheoryData<string, string> All
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var mechanism in AuditedStore.Mechanisms)
            {
                foreach (var adjacency in Adjacencies)
                    all.Add(mechanism, adjacency);
            }
            return all;
        }
    }

    public static AuditSettings Settings(int runs, int seed = 1) => new() { LearningRuns = 2048, TuningRuns = 4096, Runs = runs, Seed = seed, Threads = 2 };

    public static AuditTarget Target(string mechanism, string adjacency, double epsilon, bool hasLowerTier = true) =>
        (AuditedStore.Small(Adjacency(adjacency)) with { HasLowerTier = hasLowerTier }).Target(mechanism, new Epsilon(epsilon), Delta);

    /// <summary>Runs an audit and writes down what it found.</summary>
    public static AuditResult Run(AuditTarget target, int runs, int seed = 1)
    {
        var result = Audit.Run(target, Settings(runs, seed), cancellationToken: TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{result.Mechanism} {result.Adjacency}: claim {result.Claimed.Value}, at least {result.EpsilonLowerBound.Value:F3} ({result.Power:P1}), mu {result.MuLowerBound.Value:F4} of {result.ClaimedMu.Value:F4}, direct {result.DirectEpsilonLowerBound.Value:F3}, deciding {result.DecidingEpsilon.Value:F3}, pair {result.SensitivityReached:P2}, {result.Runs} runs, view {target.Difference.Length}");
        return result;
    }
}
