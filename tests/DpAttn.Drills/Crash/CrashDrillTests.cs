namespace DpAttn.Drills.Crash;

/// <summary>Real processes, killed. The short form runs with all tests; the long one has at least 10 counted kills in each phase.</summary>
public class CrashDrillTests(ITestOutputHelper output)
{
    [Fact]
    public Task Nothing_acknowledged_is_lost_and_nothing_is_paid_twice() => RunAsync(2);

    [Fact, Trait("Suite", "Long")]
    public Task Nothing_acknowledged_is_lost_and_nothing_is_paid_twice_in_the_long_drill() => RunAsync(10);

    private async Task RunAsync(int kills)
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-drill-");
        try
        {
            await using var drill = new CrashDrill(directory.FullName, kills, output.WriteLine);
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
