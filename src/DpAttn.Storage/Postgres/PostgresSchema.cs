using System.Reflection;
using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>
/// Brings a database to this version's schema, when told to: numbered scripts, each applied once, all in one transaction that no other program's migration overlaps. They are not
/// written to be run twice: something of the same name that is not ours is then in the way, and not taken for a table of ours.
/// </summary>
internal static class PostgresSchema
{
    /// <summary>The schema that this version reads and writes.</summary>
    public const int Version = 1;

    private const string VersionTable = """
        CREATE TABLE IF NOT EXISTS dpattn_schema_version (version int NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)
        """;

    /// <summary>The schema, in PostgreSQL's sense, that holds the tables.</summary>
    /// <exception cref="StorageRefusedException">The tables are not there, are not of this version, or there is no place for them.</exception>
    public static async Task<string> RequireCurrentAsync(PostgresSession session)
    {
        var schema = await CurrentAsync(session).ConfigureAwait(false);
        var found = await FindAsync(session).ConfigureAwait(false);
        if (found < Version)
        {
            throw new StorageRefusedException(found == 0
                ? "the database has no tables of this program yet: apply the schema first, with 'DpAttn.Server --migrate' and the same settings"
                : $"the database has schema version {found}, and this program needs {Version}: apply it with 'DpAttn.Server --migrate' and the same settings, after a backup and with no older server running");
        }
        return schema;
    }

    /// <summary>Makes or upgrades the schema, and with it the key of the ledger's chain and the database's identity.</summary>
    /// <param name="session">A session.</param>
    /// <param name="protector">Wraps the key.</param>
    /// <param name="now">The time.</param>
    /// <returns>The version found, 0 for a database without tables.</returns>
    /// <exception cref="StorageRefusedException">It was written by a newer version, or its key was wrapped with one that is not given.</exception>
    public static async Task<int> ApplyAsync(PostgresSession session, SecretProtector protector, DateTimeOffset now)
    {
        session.Begin();
        var schema = await CurrentAsync(session).ConfigureAwait(false);
        await session.QueryAsync(new PostgresStatement("SELECT pg_advisory_xact_lock($1)").With(PostgresLocks.Key(schema, "migration")), _ => true).ConfigureAwait(false);
        await session.ExecuteAsync(new PostgresStatement(VersionTable)).ConfigureAwait(false);
        var found = await FindAsync(session).ConfigureAwait(false);
        for (var version = found + 1; version <= Version; version++)
        {
            await session.ExecuteScriptAsync(Script(version)).ConfigureAwait(false);
            await session.ExecuteAsync(new PostgresStatement("INSERT INTO dpattn_schema_version (version, applied_at) VALUES ($1, $2)").With(version).With(Timestamp.ToMicroseconds(now))).ConfigureAwait(false);
        }
        var catalog = new PostgresSessionCatalog(session, schema, now);
        if (found == 0)
        {
            var chain = new LedgerChain(await WrappedKey.LoadOrCreateAsync(catalog, protector, LedgerChain.KeyName).ConfigureAwait(false));
            await session.ExecuteAsync(PostgresIdentities.Write(chain, new LedgerIdentity(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), Witness: null))).ConfigureAwait(false);
        }
        else
        {
            await LoadChainAsync(catalog, protector).ConfigureAwait(false);
        }
        await session.CommitAsync().ConfigureAwait(false);
        return found;
    }

    /// <summary>The chain of a database that has one; its key is never made anew, since nothing would be authentic under another.</summary>
    /// <exception cref="StorageException">The key is missing, or cannot be unwrapped with the keys given.</exception>
    public static async Task<LedgerChain> LoadChainAsync(ICatalog catalog, SecretProtector protector)
    {
        if (await catalog.ReadAsync(WrappedKey.CatalogKind, LedgerChain.KeyName).ConfigureAwait(false) is null)
            throw new StorageCorruptException("the key of the ledger's chain is missing from the catalog: restore a backup of the database");
        return new LedgerChain(await WrappedKey.LoadOrCreateAsync(catalog, protector, LedgerChain.KeyName).ConfigureAwait(false));
    }

    /// <summary>The script that leads from one version to the next.</summary>
    internal static string Script(int version)
    {
        var name = $"PostgresSchema/{version:D3}.sql";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"no embedded script {name}");
        return new StreamReader(stream).ReadToEnd();
    }

    private static async Task<string> CurrentAsync(PostgresSession session)
    {
        var found = await session.QueryAsync(new PostgresStatement("SELECT current_schema()::text"), row => row.IsDBNull(0) ? null : row.GetString(0)).ConfigureAwait(false);
        return found[0] ?? throw new StorageRefusedException("the database has no schema for the tables: none of those in the search path of the connection exists");
    }

    private static async Task<int> FindAsync(PostgresSession session)
    {
        const string There = "SELECT to_regclass(quote_ident(current_schema()) || '.dpattn_schema_version') IS NOT NULL";
        if (!(await session.QueryAsync(new PostgresStatement(There), row => row.GetBoolean(0)).ConfigureAwait(false))[0])
            return 0;
        var found = (await session.QueryAsync(new PostgresStatement("SELECT coalesce(max(version), 0) FROM dpattn_schema_version"), row => row.GetInt32(0)).ConfigureAwait(false))[0];
        return found <= Version
            ? found
            : throw new StorageRefusedException($"the database has schema version {found}, and this program knows versions up to {Version}: it was written by a newer version, use that one");
    }
}
