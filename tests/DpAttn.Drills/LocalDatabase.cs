using DpAttn.PostgresServer;

namespace DpAttn.Drills;

internal static class LocalDatabase
{
    /// <summary>An empty database; skips the test where no server can run.</summary>
    /// <returns>Its connection string.</returns>
    public static async Task<string> CreateAsync()
    {
        Assert.SkipWhen(LocalPostgres.Missing is not null, LocalPostgres.Missing ?? "");
        return await (await LocalPostgres.Shared).CreateDatabaseAsync();
    }
}
