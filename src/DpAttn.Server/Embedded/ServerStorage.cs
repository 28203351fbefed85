using DpAttn.Cluster;
using DpAttn.Storage;

namespace DpAttn.Server;

/// <summary>The storage that the settings name.</summary>
internal static class ServerStorage
{
    /// <summary>Registers the storage, and what wraps secrets in it.</summary>
    /// <exception cref="StorageRefusedException">The key file cannot be used.</exception>
    public static void Add(IServiceCollection services, ServerOptions options)
    {
        if (options.Storage == ServerOptions.Postgres)
        {
            services.AddDpAttnPostgresStorage(PostgresOptions(options));
            services.AddSingleton(provider => provider.GetRequiredService<PostgresStorage>().Protector);
            return;
        }
        services.AddDpAttnSqliteStorage(SqliteOptions(options));
        services.AddSingleton(provider => provider.GetRequiredService<SqliteStorage>().Protector);
    }

    /// <summary>Applies the schema, and says what was there.</summary>
    /// <exception cref="StorageException">The database cannot be used, or was written by a newer version.</exception>
    public static async Task<string> MigrateAsync(ServerOptions options)
    {
        if (options.Storage == ServerOptions.Postgres)
        {
            if (options.Role == ServerOptions.RoleFront)
                throw new SettingsException([$"{ServerOptions.Section}:{nameof(ServerOptions.Role)} is '{ServerOptions.RoleFront}', which applies no schema: migrate with the settings of a silo"]);
            var postgres = PostgresOptions(options);
            var text = Told("the database", await PostgresStorage.MigrateAsync(postgres));
            await MembershipSchema.ApplyAsync(options.PostgresConnection);
            return postgres.WitnessConnectionString is null ? text : $"{text}{Environment.NewLine}{Told("the ledger's witness", await PostgresStorage.MigrateWitnessAsync(postgres))}";
        }
        // Opening is all it takes: of a file that one process uses nobody else can be in the way.
        await using var storage = await SqliteStorage.OpenAsync(SqliteOptions(options) with { WitnessDirectory = null });
        return $"the database in {options.DataDirectory} has the schema of this version; every start sees to that";
    }

    /// <summary>Makes an operator key, for whoever has the key file and the storage; the audit log says that it was made this way. On a file no server may be running.</summary>
    /// <returns>The whole key, to be shown once.</returns>
    /// <exception cref="StorageException">The storage cannot be used.</exception>
    public static async Task<string> RecoverOperatorKeyAsync(ServerOptions options)
    {
        if (options.Storage != ServerOptions.Postgres)
            return await EmbeddedCluster.RecoverOperatorKeyAsync(options.DataDirectory);
        // Without the witness: this reads and writes no ledger.
        await using var storage = await PostgresStorage.OpenAsync(PostgresOptions(options) with { WitnessDirectory = null, WitnessConnectionString = null });
        return await OperatorKeyRecovery.RecoverAsync(storage.Catalog, storage.Protector);
    }

    private static SqliteStorageOptions SqliteOptions(ServerOptions options) => new()
    {
        Directory = options.DataDirectory,
        WitnessDirectory = options.Witness,
        Keys = options.KeyFile.Length > 0 ? KeyFile.Load(options.KeyFile) : null,
    };

    private static PostgresStorageOptions PostgresOptions(ServerOptions options) => new()
    {
        ConnectionString = options.PostgresConnection,
        Keys = KeyFile.Load(options.KeyFile),
        WitnessConnectionString = options.WitnessConnection.Length > 0 ? options.WitnessConnection : null,
        WitnessDirectory = options.WitnessConnection.Length > 0 ? null : options.Witness,
    };

    private static string Told(string what, (int Found, int Now) version) => version.Found == version.Now
        ? $"{what} has schema version {version.Now} already"
        : $"{what} has schema version {version.Now} now; before it had {(version.Found == 0 ? "none" : $"version {version.Found}")}";
}
