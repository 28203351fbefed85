using DpAttn.PostgresServer;

namespace DpAttn.Drills.Load;

/// <summary>Load from 16 clients on a real process that is killed again and again. The short form runs with all tests, the long one for three minutes.</summary>
public class LoadDrillTests(ITestOutputHelper output)
{
    [Fact]
    public Task Every_answered_request_is_charged_once_through_kills() =>
        RunAsync(new LoadPlan(TimeSpan.FromSeconds(12), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), Kills: 3));

    [Fact, Trait("Suite", "Long")]
    public Task Every_answered_request_is_charged_once_through_three_minutes_of_kills() =>
        RunAsync(new LoadPlan(TimeSpan.FromMinutes(3), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10), Kills: 15));

    [Fact]
    public async Task Every_answered_request_is_charged_once_through_kills_on_PostgreSQL() =>
        await RunAsync(new LoadPlan(TimeSpan.FromSeconds(12), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), Kills: 3), await DatabaseAsync());

    [Fact, Trait("Suite", "Long")]
    public async Task Every_answered_request_is_charged_once_through_three_minutes_of_kills_on_PostgreSQL() =>
        await RunAsync(new LoadPlan(TimeSpan.FromMinutes(3), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10), Kills: 15), await DatabaseAsync());

    /// <summary>An empty database; skips the test where no server can run.</summary>
    private static async Task<string> DatabaseAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        return await (await LocalPostgres.Shared).CreateDatabaseAsync();
    }

    private async Task RunAsync(LoadPlan plan, string? postgres = null)
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-load-");
        try
        {
            await using var drill = new LoadDrill(directory.FullName, plan, output.WriteLine, postgres);
            await drill.RunAsync();
            Assert.Empty(drill.Faults);
            Assert.True(drill.Kills >= plan.Kills, $"only {drill.Kills} kills counted");
            // A drill in which nothing of a kind happened says nothing about it.
            foreach (var kind in new[] { "charged", "replayed", "refused", "free", "query charged", "query replayed", "query refused" })
                Assert.True(drill.Counts.GetValueOrDefault(kind) >= 10, $"only {drill.Counts.GetValueOrDefault(kind)} requests were {kind}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
