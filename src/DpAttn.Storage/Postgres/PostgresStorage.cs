namespace DpAttn.Storage;

/// <summary>
/// The storage in a PostgreSQL database (15 or later), which several processes may share: whatever they do at once, the guarantees of the three interfaces hold. The tables are made and upgraded by
/// <see cref="MigrateAsync"/> only; opening refuses a database that is not at this version's schema, or whose server would acknowledge what is not on its disk.
/// </summary>
public sealed class PostgresStorage : IAsyncDisposable, IDisposable
{
    private readonly IReadOnlyList<ChargeLane> _lanes;
    private readonly ILedgerWitness? _witness;
    private int _disposed;

    private PostgresStorage(PostgresStorageOptions options, PostgresDatabase database, ICatalog catalog, ILedgerWitness? witness, SecretProtector protector, LedgerChain chain)
    {
        Database = database;
        Protector = protector;
        Catalog = catalog;
        Segments = new PostgresSegmentStore(database, options.Clock);
        Books = new PostgresLedgerBooks(database, chain, options.Clock);
        _witness = witness;
        Guard = new LedgerGuard(Books, witness, options.Clock);
        _lanes = [.. Enumerable.Range(0, options.Lanes).Select(_ => new ChargeLane(database, Books, options.Clock, options.QueueCapacity))];
        Ledger = new PostgresBudgetLedger(database, Books, _lanes, options.Clock);
    }

    /// <summary>The ledger.</summary>
    public IBudgetLedger Ledger { get; }

    /// <summary>The blobs.</summary>
    public ISegmentStore Segments { get; }

    /// <summary>The catalog.</summary>
    public ICatalog Catalog { get; }

    /// <summary>Watches over the ledger.</summary>
    public LedgerGuard Guard { get; }

    /// <summary>Wraps secrets with the keys that the storage was opened with.</summary>
    public SecretProtector Protector { get; }

    internal PostgresDatabase Database { get; }

    internal PostgresLedgerBooks Books { get; }

    /// <summary>Opens the storage.</summary>
    /// <exception cref="StorageRefusedException">
    /// No or another schema, a server before version 15, without flushing or read-only, other keys than the database's, a witness that cannot be used, or a connection string that cannot be read. The connection string is in no message.
    /// </exception>
    /// <exception cref="StorageCorruptException">The key of the ledger's chain is missing or damaged.</exception>
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
            PostgresPlace place;
            await using (var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false))
            {
                schema = await PostgresSchema.RequireCurrentAsync(session).ConfigureAwait(false);
                place = await PostgresPlace.ReadAsync(session).ConfigureAwait(false);
            }
            var database = new PostgresDatabase(source, schema, options.Writers, options.Readers, options.QueueCapacity, options.QueueBytes);
            var catalog = new PostgresCatalog(database, options.Clock);
            var protector = new SecretProtector(options.Keys);
            var chain = await PostgresSchema.LoadChainAsync(catalog, protector).ConfigureAwait(false);
            var witness = options switch
            {
                { WitnessConnectionString: { } connection } => await PostgresWitness.OpenAsync(connection, new LedgerPlace(place, await IdentityAsync(source, chain).ConfigureAwait(false)), options.Clock, cancellationToken).ConfigureAwait(false),
                { WitnessDirectory: { } directory } => FileWitness.Open(directory),
                _ => options.Witness,
            };
            return new PostgresStorage(options, database, catalog, witness, protector, chain);
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
            return (await PostgresSchema.ApplyAsync(session, new SecretProtector(options.Keys), options.Clock.GetUtcNow()).ConfigureAwait(false), PostgresSchema.Version);
        }
        catch (Exception failure) when (PostgresFailure.IsDatabase(failure))
        {
            throw PostgresFailure.Unread("applying the schema", failure);
        }
    }

    /// <summary>The same for the database of <see cref="PostgresStorageOptions.WitnessConnectionString"/>, once that of the ledger has its tables.</summary>
    /// <exception cref="StorageRefusedException">As for <see cref="OpenAsync"/>, it is the ledger's own database, or its tables were written by a newer version.</exception>
    /// <exception cref="StorageUnavailableException">A server cannot be reached, or does not let us make tables; nothing was changed.</exception>
    public static async Task<(int Found, int Now)> MigrateWitnessAsync(PostgresStorageOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.WitnessConnectionString is not { } connection)
            throw new ArgumentException($"{nameof(options.WitnessConnectionString)} must name a database");
        // As at every start, which would refuse it too: before there are tables where none belong.
        await using var storage = await OpenAsync(options with { WitnessConnectionString = null }, cancellationToken).ConfigureAwait(false);
        var identity = await storage.Books.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
        var place = await storage.Database.ReadAsync("reading which database this is", PostgresPlace.ReadAsync, cancellationToken).ConfigureAwait(false);
        return await PostgresWitness.MigrateAsync(connection, new LedgerPlace(place, identity), options.Clock, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for what is under way and closes the connections. What comes later is refused.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await Guard.FinishAsync().ConfigureAwait(false);
        foreach (var lane in _lanes)
            await lane.DisposeAsync().ConfigureAwait(false);
        await Database.FinishAsync().ConfigureAwait(false);
        // All that was committed is known now.
        await Guard.StopAsync().ConfigureAwait(false);
        if (_witness is not null)
            await _witness.DisposeAsync().ConfigureAwait(false);
        await Database.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<LedgerIdentity?> IdentityAsync(Npgsql.NpgsqlDataSource source, LedgerChain chain)
    {
        await using var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false);
        return await PostgresIdentities.ReadAsync(session, chain).ConfigureAwait(false);
    }

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose() => Task.Run(() => DisposeAsync().AsTask()).GetAwaiter().GetResult();
}
