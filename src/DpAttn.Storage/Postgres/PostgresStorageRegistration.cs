using DpAttn.Storage;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the storage in PostgreSQL.</summary>
public static class PostgresStorageRegistration
{
    /// <summary>
    /// Registers <see cref="PostgresStorage"/>, <see cref="IBudgetLedger"/>, <see cref="LedgerGuard"/>, <see cref="ISegmentStore"/> and <see cref="ICatalog"/> as singletons. The
    /// database is opened at their first use, which refuses one whose schema was not applied (<see cref="PostgresStorage.MigrateAsync"/>), and closed with the container.
    /// </summary>
    public static IServiceCollection AddDpAttnPostgresStorage(this IServiceCollection services, PostgresStorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        return services
            .AddSingleton(_ => PostgresStorage.Open(options))
            .AddSingleton(provider => provider.GetRequiredService<PostgresStorage>().Ledger)
            .AddSingleton(provider => provider.GetRequiredService<PostgresStorage>().Guard)
            .AddSingleton(provider => provider.GetRequiredService<PostgresStorage>().Segments)
            .AddSingleton(provider => provider.GetRequiredService<PostgresStorage>().Catalog);
    }
}
