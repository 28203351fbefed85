using DpAttn.Storage;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the embedded storage.</summary>
public static class SqliteStorageRegistration
{
    /// <summary>
    /// Registers <see cref="SqliteStorage"/>, <see cref="IBudgetLedger"/>, <see cref="LedgerGuard"/>, <see cref="IStorageBackup"/>, <see cref="ISegmentStore"/> and <see cref="ICatalog"/> as singletons. The file is opened at their first use and
    /// closed with the container.
    /// </summary>
    public static IServiceCollection AddDpAttnSqliteStorage(this IServiceCollection services, SqliteStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        return services
            .AddSingleton(_ => SqliteStorage.Open(options))
            .AddSingleton(provider => provider.GetRequiredService<SqliteStorage>().Ledger)
            .AddSingleton(provider => provider.GetRequiredService<SqliteStorage>().Guard)
            .AddSingleton(provider => provider.GetRequiredService<SqliteStorage>().Backup)
            .AddSingleton(provider => provider.GetRequiredService<SqliteStorage>().Segments)
            .AddSingleton(provider => provider.GetRequiredService<SqliteStorage>().Catalog);
    }
}
