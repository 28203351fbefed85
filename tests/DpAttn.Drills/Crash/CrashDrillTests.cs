namespace DpAttn.Drills.Crash;

/// <summary>Real processes, killed. The short form runs with all tests; the long one has at least 10 counted kills in each phase.</summary>
public class CrashDrillTests(ITestOutputHelper output)
{
    private const int Short = 2, Long = 10;

    [Theory]
    [InlineData(DrillShape.MomentTree)]
    [InlineData(DrillShape.DistanceTree)]
    public Task Nothing_acknowledged_is_lost_and_nothing_is_paid_twice(string mechanism) => RunAsync(mechanism, Short);

    [Theory, Trait("Suite", "Long")]
    [InlineData(DrillShape.MomentTree)]
    [InlineData(DrillShape.DistanceTree)]
    public Task Nothing_acknowledged_is_lost_and_nothing_is_paid_twice_in_the_long_drill(string mechanism) => RunAsync(mechanism, Long);

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_paid_twice_on_PostgreSQL() =>
        await RunAsync(DrillShape.DistanceTree, Short, await LocalDatabase.CreateAsync());

    [Fact, Trait("Suite", "Long")]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_paid_twice_in_the_long_drill_on_PostgreSQL() =>
        await RunAsync(DrillShape.DistanceTree, Long, await LocalDatabase.CreateAsync());

    private async Task RunAsync(string mechanism, int kills, string? postgres = null)
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-drill-");
        try
        {
            await using var drill = new CrashDrill(directory.FullName, DrillShape.Of(mechanism), kills, output.WriteLine, postgres);
            await drill.RunAsync();
            Assert.Empty(drill.Faults);
            foreach (var phase in new[] { "load", "publish", "open", "attend" })
                Assert.True(drill.Kills[phase] >= kills, $"{phase}: only {drill.Kills[phase]} kills counted");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
