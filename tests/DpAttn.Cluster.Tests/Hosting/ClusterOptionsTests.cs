using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Cluster.Tests;

/// <summary>Settings that cannot work are refused by name before anything starts.</summary>
public class ClusterOptionsTests
{
    public static TheoryData<string, Action<ClusterOptions>> Bad() => new()
    {
        { nameof(ClusterOptions.ScanThreads), options => options.ScanThreads = 0 },
        { nameof(ClusterOptions.ScanThreads), options => options.ScanThreads = 1025 },
        { nameof(ClusterOptions.ScanQueue), options => options.ScanQueue = 0 },
        { nameof(ClusterOptions.IngestBytes), options => options.IngestBytes = 1 },
        { nameof(ClusterOptions.NodeCacheBytes), options => options.NodeCacheBytes = 1 },
        { nameof(ClusterOptions.PartCacheBytes), options => options.PartCacheBytes = 1 },
        { nameof(ClusterOptions.SumBytes), options => options.SumBytes = 1 },
        { nameof(ClusterOptions.JobInterval), options => options.JobInterval = TimeSpan.Zero },
        { nameof(ClusterOptions.GenerationPoll), options => options.GenerationPoll = TimeSpan.Zero },
        { nameof(ClusterOptions.GenerationPoll), options => options.GenerationPoll = TimeSpan.FromSeconds(4.1) },
        { nameof(ClusterOptions.SweepInterval), options => options.SweepInterval = TimeSpan.Zero },
        { nameof(ClusterOptions.SweepAfter), options => options.SweepAfter = TimeSpan.FromSeconds(-1) },
        { nameof(ClusterOptions.CallDeadline), options => options.CallDeadline = TimeSpan.Zero },
        { "Jwt.Authority", options => (options.Jwt.Authority, options.Jwt.Audience) = ("http://issuer.example.org", "dpattn") },
        { "Jwt.Audience", options => options.Jwt.Authority = "https://issuer.example.org" },
        { "Jwt.SubjectClaim", options => (options.Jwt.Authority, options.Jwt.Audience, options.Jwt.SubjectClaim) = ("https://issuer.example.org", "dpattn", "") },
        { "Jwt's roles", options => (options.Jwt.Authority, options.Jwt.Audience, options.Jwt.OwnerRole) = ("https://issuer.example.org", "dpattn", "dpattn-user") },
        { nameof(ClusterOptions.MaxQueries), options => options.MaxQueries = 0 },
        { nameof(ClusterOptions.MaxQueries), options => options.MaxQueries = (1 << 20) + 1 },
        { nameof(ClusterOptions.FanOutWindow), options => options.FanOutWindow = 0 },
    };

    [Theory]
    [MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void A_setting_out_of_its_range_is_refused_by_its_name(string setting, Action<ClusterOptions> spoil) =>
        Assert.StartsWith($"{setting} must be ", Assert.Throws<ArgumentException>(() => new ServiceCollection().AddDpAttnCluster(spoil)).Message);

    [Fact]
    public void The_defaults_are_accepted_and_leave_a_core_to_answer()
    {
        var options = new ClusterOptions();
        options.Validate();
        Assert.InRange(options.ScanThreads, 1, Math.Max(1, Environment.ProcessorCount - 1));
        Assert.True(options.GenerationPoll < Generation.LongestSilence);
    }
}
