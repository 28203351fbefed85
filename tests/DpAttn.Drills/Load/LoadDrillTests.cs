namespace DpAttn.Drills.Load;

/// <summary>Load from 16 clients on a real process that is killed again and again. The short form runs with all tests, the long one for three minutes.</summary>
public class LoadDrillTests(ITestOutputHelper output)
{
    private static readonly LoadPlan Short = new(TimeSpan.FromSeconds(12), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), Kills: 3);
    private static readonly LoadPlan Long = new(TimeSpan.FromMinutes(3), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10), Kills: 15);

    [Theory]
    [InlineData(DrillShape.MomentTree)]
    [InlineData(DrillShape.DistanceTree)]
    public Task Every_answered_request_is_charged_once_through_kills(string mechanism) => RunAsync(mechanism, Short);

    [Theory, Trait("Suite", "Long")]
    [InlineData(DrillShape.MomentTree)]
    [InlineData(DrillShape.DistanceTree)]
    public Task Every_answered_request_is_charged_once_through_three_minutes_of_kills(string mechanism) => RunAsync(mechanism, Long);

    [Theory]
    [InlineData(DrillShape.MomentTree)]
    [InlineData(DrillShape.DistanceTree)]
    public async Task Every_answered_request_is_charged_once_through_kills_on_PostgreSQL(string mechanism) =>
        await RunAsync(mechanism, Short, await LocalDatabase.CreateAsync());

    [Theory, Trait("Suite", "Long")]
    [InlineData(DrillShape.MomentTree)]
    [InlineData(DrillShape.DistanceTree)]
    public async Task Every_answered_request_is_charged_once_through_three_minutes_of_kills_on_PostgreSQL(string mechanism) =>
        await RunAsync(mechanism, Long, await LocalDatabase.CreateAsync());

    private async Task RunAsync(string mechanism, LoadPlan plan, string? postgres = null)
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-load-");
        try
        {
            await using var drill = new LoadDrill(directory.FullName, DrillShape.ForManyClients(mechanism), plan, output.WriteLine, postgres);
            await drill.RunAsync();
            Assert.Empty(drill.Faults);
            Assert.True(drill.Kills >= plan.Kills, $"only {drill.Kills} kills counted");
            foreach (var kind in LoadDrill.Kinds)
                Assert.True(drill.Counts.GetValueOrDefault(kind) >= LoadDrill.FewestOfAKind, $"only {drill.Counts.GetValueOrDefault(kind)} requests were {kind}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
