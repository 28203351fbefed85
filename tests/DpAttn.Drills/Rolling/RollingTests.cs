using DpAttn.Drills.Load;
using DpAttn.PostgresServer;

namespace DpAttn.Drills.Rolling;

/// <summary>From the version before to this one under load, process by process. What the version before wrote earlier, golden files show: DocumentsTests and GoldenTests.</summary>
[Collection(ClusterCollection.Name)]
public sealed class RollingTests(ITestOutputHelper output)
{
    private static readonly RollingPlan Short = new(Silos: 2, Clients: 4, TimeSpan.FromSeconds(1), Back: false);
    private static readonly RollingPlan Long = new(Silos: 3, Clients: 16, TimeSpan.FromSeconds(8), Back: true);

    [Fact]
    public Task A_change_of_version_costs_no_request() => RunAsync(Short);

    [Fact, Trait("Suite", "Long")]
    public Task A_change_of_version_there_and_back_costs_no_request() => RunAsync(Long);

    private async Task RunAsync(RollingPlan plan)
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        var previous = await PreviousVersion.FolderAsync();
        var directory = Directory.CreateTempSubdirectory("dpattn-rolling-");
        try
        {
            await using var drill = new RollingDrill(directory.FullName, previous, plan, output.WriteLine);
            await drill.RunAsync();
            Assert.Empty(drill.Faults);
            Assert.True(drill.Releases >= 3, $"only {drill.Releases} releases");
            foreach (var kind in (string[])["charged", "replayed", "free", "query charged", "query replayed"])
                Assert.True(drill.Counts.GetValueOrDefault(kind) >= LoadDrill.FewestOfAKind, $"only {drill.Counts.GetValueOrDefault(kind)} requests were {kind}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
