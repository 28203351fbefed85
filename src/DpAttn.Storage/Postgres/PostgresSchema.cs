using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>Brings a database to this version's schema, when told to (<see cref="PostgresScripts"/>), and makes with it the key of the ledger's chain and the database's identity.</summary>
internal static class PostgresSchema
{
    /// <summary>The schema that this version reads and writes.</summary>
    public const int Version = 1;

    private static readonly PostgresScripts Scripts = new("the database", "PostgresSchema", "dpattn_schema_version", Version);

    /// <summary>The schema, in PostgreSQL's sense, that holds the tables.</summary>
    /// <exception cref="StorageRefusedException">The tables are not there, are not of this version, or there is no place for them.</exception>
    public static Task<string> RequireCurrentAsync(PostgresSession session) => Scripts.RequireCurrentAsync(session);

    /// <summary>Makes or upgrades the schema, and with it the key of the ledger's chain and the database's identity.</summary>
    /// <param name="session">A session.</param>
    /// <param name="protector">Wraps the key.</param>
    /// <param name="now">The time.</param>
    /// <returns>The version found, 0 for a database without tables.</returns>
    /// <exception cref="StorageRefusedException">It was written by a newer version, or its key was wrapped with one that is not given.</exception>
    public static async Task<int> ApplyAsync(PostgresSession session, SecretProtector protector, DateTimeOffset now)
    {
        session.Begin();
        var (found, schema) = await Scripts.ApplyAsync(session, now).ConfigureAwait(false);
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
}
