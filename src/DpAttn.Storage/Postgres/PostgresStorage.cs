using Npgsql;

namespace DpAttn.Storage;

/// <summary>
/// The storage in a PostgreSQL database (15 or later), which several processes may share: whatever they do at once, the guarantees of the three interfaces hold. The tables are made and upgraded by
/// <see cref="MigrateAsync"/> only; opening refuses a database that is not at this version's schema, or whose server would acknowledge what is not on its disk.
/// </summary>
public sealed class PostgresStorage : IAsyncDisposable, IDisposable
{
    private int _disposed;

    private PostgresStorage(PostgresStorageOptions options, NpgsqlDataSource source, string schema)
    {
        Database = new PostgresDatabase(source, schema, options.Writers, options.Readers, options.QueueCapacity, options.QueueBytes);
        Segments = new PostgresSegmentStore(Database, options.Clock);
        Catalog = new PostgresCatalog(Database, options.Clock);
    }

    /// <summary>The blobs.</summary>
    public ISegmentStore Segments { get; }

    /// <summary>The catalog.</summary>
    public ICatalog Catalog { get; }

    internal PostgresDatabase Database { get; }

    /// <summary>Opens the storage.</summary>
    /// <exception cref="StorageRefusedException">
    /// No or another schema, a server before version 15, without flushing or read-only, or a connection string that cannot be read. The connection string is in no message.
    /// </exception>
    /// <exception cref="StorageUnavailableException">The server cannot be reached, or does not let us in.</exception>
    public static async Task<PostgresStorage> OpenAsync(PostgresStorageOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        var source = PostgresSource.Create(options.ConnectionString, options.Lanes + options.Writers + options.Readers);
        try
        {
            string schema;
            await using (var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false))
                schema = await PostgresSchema.RequireCurrentAsync(session).ConfigureAwait(false);
            return new PostgresStorage(options, source, schema);
        }
        catch (Exception failure)
        {
            await source.DisposeAsync().ConfigureAwait(false);
            if (PostgresFailure.IsDatabase(failure))
                throw PostgresFailure.Unread("opening the storage", failure);
            throw;
        }
    }

    /// <inheritdoc cref="OpenAsync"/>
    public static PostgresStorage Open(PostgresStorageOptions options) => Task.Run(() => OpenAsync(options)).GetAwaiter().GetResult();

    /// <summary>Makes or upgrades the tables. Repeating it changes nothing, and of several at once one does it.</summary>
    /// <param name="options">Which database.</param>
    /// <param name="cancellationToken">Gives up before it begins.</param>
    /// <returns>The version of the schema that was found, 0 for none, and the one that is there now.</returns>
    /// <exception cref="StorageRefusedException">As for <see cref="OpenAsync"/>, or the schema was written by a newer version.</exception>
    /// <exception cref="StorageUnavailableException">The server cannot be reached, or does not let us make tables; nothing was changed.</exception>
    public static async Task<(int Found, int Now)> MigrateAsync(PostgresStorageOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        await using var source = PostgresSource.CreateForMigration(options.ConnectionString);
        try
        {
            await using var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false);
            return (await PostgresSchema.ApplyAsync(session, options.Clock.GetUtcNow()).ConfigureAwait(false), PostgresSchema.Version);
        }
        catch (Exception failure) when (PostgresFailure.IsDatabase(failure))
        {
            throw PostgresFailure.Unread("applying the schema", failure);
        }
    }

    /// <summary>Waits for what is under way and closes the connections. What comes later is refused.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await Database.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose() => Task.Run(() => DisposeAsync().AsTask()).GetAwaiter().GetResult();
}
