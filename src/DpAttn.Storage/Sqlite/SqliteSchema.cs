using System.Reflection;

namespace DpAttn.Storage;

/// <summary>Brings a database file to this version's schema: numbered scripts, each applied once, in a transaction with its line in schema_version.</summary>
internal static class SqliteSchema
{
    /// <summary>The schema that this version reads and writes.</summary>
    public const int Version = 2;

    /// <summary>The version since which the ledger's entries are chained, and a database needs its keys.</summary>
    public const int Chained = 2;

    /// <summary>"DpAt": marks a file as one of ours.</summary>
    private const int ApplicationId = 0x44704174;

    /// <summary>The version of the file's schema, 0 for a new one; changes nothing.</summary>
    /// <exception cref="StorageRefusedException">The file belongs to another program, or to a newer version of this one.</exception>
    public static int RequireKnown(SqliteSession session)
    {
        var found = Find(session);
        return found <= Version
            ? found
            : throw new StorageRefusedException($"the database has schema version {found}, and this program knows versions up to {Version}: it was written by a newer version, use that one");
    }

    /// <summary>Makes or upgrades the schema.</summary>
    /// <param name="session">The writer's.</param>
    /// <param name="protector">Wraps the key of the ledger's chain, which is made with the schema.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="StorageRefusedException">As for <see cref="RequireKnown"/>; or the key was wrapped with one that is not given.</exception>
    public static LedgerChain Apply(SqliteSession session, SecretProtector protector, DateTimeOffset now)
    {
        session.Execute("BEGIN IMMEDIATE");
        try
        {
            var found = RequireKnown(session);
            if (found == 0)
                session.ExecuteScript($"PRAGMA application_id = {ApplicationId}; CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT");
            if (found == 0)
                ApplyScript(1);
            var key = WrappedKey.LoadOrCreateAsync(new SessionCatalog(session, now), protector, LedgerChain.KeyName).GetAwaiter().GetResult();
            var chain = new LedgerChain(key);
            for (var version = Math.Max(found, 1) + 1; version <= Version; version++)
            {
                if (version == Chained)
                    ChainMigration.PutAside(session);
                ApplyScript(version);
                if (version == Chained)
                    ChainMigration.Copy(session, chain);
            }
            session.Execute("COMMIT");
            return chain;

            void ApplyScript(int version)
            {
                session.ExecuteScript(Script(version));
                using var insert = session.Prepare("INSERT INTO schema_version (version, applied_at) VALUES (?1, ?2)").With(version).With(Timestamp.ToMicroseconds(now));
                insert.Execute();
            }
        }
        finally
        {
            if (!session.IsIdle)
                session.Execute("ROLLBACK");
        }
    }

    /// <summary>The script that leads from one version to the next.</summary>
    internal static string Script(int version)
    {
        var name = $"Schema/{version:D3}.sql";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"no embedded script {name}");
        return new StreamReader(stream).ReadToEnd();
    }

    private static int Find(SqliteSession session)
    {
        var owner = session.Scalar("PRAGMA application_id");
        var tables = session.Scalar("SELECT count(*) FROM sqlite_schema");
        if (tables == "0")
            return 0;
        if (owner != ApplicationId.ToString() || session.Scalar("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'") is null)
            throw new StorageRefusedException("the database file belongs to another program");
        return int.Parse(session.Scalar("SELECT max(version) FROM schema_version") ?? throw new StorageCorruptException("the database states no schema version"));
    }
}
