using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>
/// A witness in a PostgreSQL database (15 or later) of its own, which all processes of one ledger share: on another server than the ledger's, and never part of the same backup. Each round of
/// marks is one transaction; one that fails has changed nothing, or is told again to no harm. Its tables are made by <c>DpAttn.Server --migrate</c> only. What is damaged counts as lost.
/// </summary>
public sealed class PostgresWitness : ILedgerWitness
{
    /// <summary>The version of the tables that this version of the program reads and writes.</summary>
    public const int SchemaVersion = 1;

    private const int Connections = 4;
    private const int QueueCapacity = 1024;

    private static readonly PostgresScripts Scripts = new("the ledger's witness", "WitnessSchema", "dpattn_witness_schema_version", SchemaVersion);

    private readonly PostgresDatabase _database;
    private readonly TimeProvider _clock;
    private volatile WitnessGeneration? _current;
    private volatile bool _isDamaged;
    private int _disposed;

    private PostgresWitness(PostgresDatabase database, TimeProvider clock) => (_database, _clock) = (database, clock);

    /// <summary>Opens a witness.</summary>
    /// <param name="connectionString">Npgsql's connection string of the witness's database. Never repeated in a message.</param>
    /// <param name="clock">The clock of what is begun; null for the system's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageRefusedException">No or another schema, or as for the ledger's database: a server that does not flush, is read-only or too old, or a connection string that cannot be read.</exception>
    /// <exception cref="StorageUnavailableException">The server cannot be reached, or does not let us in.</exception>
    public static Task<PostgresWitness> OpenAsync(string connectionString, TimeProvider? clock = null, CancellationToken cancellationToken = default) =>
        OpenAsync(connectionString, ledger: null, clock ?? TimeProvider.System, cancellationToken);

    /// <summary>Makes or upgrades the tables. Repeating it changes nothing, and of several at once one does it.</summary>
    /// <returns>The version that was found, 0 for none, and the one that is there now.</returns>
    /// <exception cref="StorageRefusedException">As for <see cref="OpenAsync(string, TimeProvider?, CancellationToken)"/>, or the tables were written by a newer version.</exception>
    /// <exception cref="StorageUnavailableException">The server cannot be reached, or does not let us make tables; nothing was changed.</exception>
    public static Task<(int Found, int Now)> MigrateAsync(string connectionString, TimeProvider? clock = null, CancellationToken cancellationToken = default) =>
        MigrateAsync(connectionString, ledger: null, clock ?? TimeProvider.System, cancellationToken);

    /// <summary>The same beside a ledger, whose database is refused.</summary>
    internal static async Task<PostgresWitness> OpenAsync(string connectionString, LedgerPlace? ledger, TimeProvider clock, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await NamedAsync("opening the witness", async () =>
        {
            var source = PostgresSource.Create(connectionString, 2 * Connections);
            try
            {
                string schema;
                await using (var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false))
                {
                    await RequireElsewhereAsync(session, ledger).ConfigureAwait(false);
                    schema = await Scripts.RequireCurrentAsync(session).ConfigureAwait(false);
                }
                var witness = new PostgresWitness(new PostgresDatabase(source, schema, Connections, Connections, QueueCapacity, long.MaxValue), clock);
                await witness.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
                return witness;
            }
            catch
            {
                await source.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }).ConfigureAwait(false);
    }

    /// <summary>The same beside a ledger, whose database is refused.</summary>
    internal static async Task<(int Found, int Now)> MigrateAsync(string connectionString, LedgerPlace? ledger, TimeProvider clock, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await NamedAsync("applying the witness's schema", async () =>
        {
            await using var source = PostgresSource.CreateForMigration(connectionString);
            await using var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false);
            session.Begin();
            await RequireElsewhereAsync(session, ledger).ConfigureAwait(false);
            var (found, _) = await Scripts.ApplyAsync(session, clock.GetUtcNow()).ConfigureAwait(false);
            await session.CommitAsync().ConfigureAwait(false);
            return (found, SchemaVersion);
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<WitnessIdentity?> ReadIdentityAsync(CancellationToken cancellationToken = default)
    {
        var found = await _database.ReadAsync("reading the witness", PostgresMarks.ReadCurrentAsync, cancellationToken).ConfigureAwait(false);
        // What was found damaged stays lost until it is begun anew.
        if (_isDamaged && found?.Generation == _current?.Generation)
            return null;
        (_current, _isDamaged) = (found, false);
        return found?.Identity;
    }

    /// <inheritdoc/>
    public async Task<bool> BeginAsync(WitnessIdentity identity, WitnessIdentity? replaced, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(identity);
        var isBegun = await _database.WriteAsync("beginning a witness", 0, async session =>
        {
            await session.ExecuteAsync(PostgresMarks.Lock(_database.Schema, isShared: false)).ConfigureAwait(false);
            var found = await PostgresMarks.ReadCurrentAsync(session).ConfigureAwait(false);
            var isDamaged = _isDamaged && found?.Generation == _current?.Generation;
            if ((isDamaged ? null : found?.Identity) != replaced)
                return (false, false);
            await session.ExecuteAsync(PostgresMarks.Begin(identity, _clock.GetUtcNow())).ConfigureAwait(false);
            return (true, true);
        }, cancellationToken).ConfigureAwait(false);
        await ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
        return isBegun;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<WitnessMark>> RaiseAsync(IReadOnlyList<WitnessStep> steps, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(steps);
        var current = Current;
        return SoundAsync(() => _database.WriteAsync<IReadOnlyList<WitnessMark>>("writing the witness", 0, async session =>
        {
            await session.ExecuteAsync(PostgresMarks.Lock(_database.Schema, isShared: true)).ConfigureAwait(false);
            if ((await PostgresMarks.ReadCurrentAsync(session).ConfigureAwait(false))?.Generation != current.Generation)
                throw new StorageUnavailableException("writing the witness: it was begun anew meanwhile; nothing was changed");
            return (true, await PostgresMarks.RaiseAsync(session, current.Generation, steps).ConfigureAwait(false));
        }, cancellationToken));
    }

    /// <inheritdoc/>
    public Task<WitnessMark?> FindAsync(StoreId store, AccountId? account, CancellationToken cancellationToken = default)
    {
        var select = PostgresMarks.Select(Current.Generation, [(store.Value, account?.Value ?? LedgerBook.StoreItself)]);
        return SoundAsync(async () => (await ReadAsync(select, PostgresMarks.From, cancellationToken).ConfigureAwait(false)).SingleOrDefault());
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<WitnessMark>> ListAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken = default)
    {
        var select = PostgresMarks.List(Current.Generation, store, after, limit);
        return SoundAsync<IReadOnlyList<WitnessMark>>(async () => await ReadAsync(select, PostgresMarks.From, cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken = default)
    {
        var select = PostgresMarks.ListStores(Current.Generation, after, limit);
        return SoundAsync<IReadOnlyList<StoreId>>(async () => await ReadAsync(select, PostgresMarks.StoreFrom, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Waits for what is under way and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _database.FinishAsync().ConfigureAwait(false);
        await _database.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The generation that was there when it was last asked which witness this is: what was begun since belongs to nobody who does not know of it.</summary>
    private WitnessGeneration Current => _isDamaged || _current is not { Identity: not null } current ? throw new StorageUnavailableException("the witness was never begun, or is lost") : current;

    private Task<List<T>> ReadAsync<T>(PostgresStatement select, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) =>
        _database.ReadAsync("reading the witness", session => session.QueryAsync(select, read), cancellationToken);

    /// <summary>Runs what reads marks; one that is damaged makes all of them worthless.</summary>
    private async Task<T> SoundAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (StorageCorruptException)
        {
            _isDamaged = true;
            throw;
        }
    }

    /// <summary>Two copies of a book in one place would be put back together.</summary>
    private static async Task RequireElsewhereAsync(PostgresSession session, LedgerPlace? ledger)
    {
        if (ledger is null)
            return;
        if (await PostgresPlace.ReadAsync(session).ConfigureAwait(false) == ledger.Place)
            throw new StorageRefusedException("it is the ledger's own database, or a copy of it: whoever puts back an older copy of the one would put back the other. Name another database, on another server");
        var identity = await session.QueryAsync(
            new PostgresStatement("SELECT to_regclass(quote_ident(current_schema()) || '.dpattn_ledger_identity') IS NOT NULL"), row => row.GetBoolean(0)).ConfigureAwait(false);
        if (identity[0] && ledger.Identity is { } own
            && (await session.QueryAsync(new PostgresStatement("SELECT database FROM dpattn_ledger_identity"), row => row.GetString(0)).ConfigureAwait(false)).Contains(own.Database))
        {
            throw new StorageRefusedException("its database holds a copy of the ledger: whoever puts that in the ledger's place would put back the witness with it. Name another database, on another server");
        }
    }

    /// <summary>Opening and migrating: what is refused there says that it is the witness's.</summary>
    private static async Task<T> NamedAsync<T>(string operation, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (StorageRefusedException refusal) when (!refusal.Message.StartsWith("the ledger's witness", StringComparison.Ordinal))
        {
            throw new StorageRefusedException($"the ledger's witness: {refusal.Message}", refusal);
        }
        catch (Exception failure) when (PostgresFailure.IsDatabase(failure))
        {
            throw PostgresFailure.Unread(operation, failure);
        }
    }
}
