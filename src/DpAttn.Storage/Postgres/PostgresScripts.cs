using System.Reflection;

namespace DpAttn.Storage;

/// <summary>
/// Numbered scripts that bring a database to a version, each applied once, when told to, all in one transaction that no other program's migration overlaps. They are not
/// written to be run twice: something of the same name that is not ours is then in the way, and not taken for a table of ours.
/// </summary>
/// <param name="what">What is kept there, for messages.</param>
/// <param name="resources">The folder of the embedded scripts, 001.sql and so on.</param>
/// <param name="table">The table of the versions applied.</param>
/// <param name="version">The version that this program reads and writes.</param>
internal sealed class PostgresScripts(string what, string resources, string table, int version)
{
    /// <summary>The schema, in PostgreSQL's sense, that holds the tables.</summary>
    /// <exception cref="StorageRefusedException">The tables are not there, are not of this version, or there is no place for them.</exception>
    public async Task<string> RequireCurrentAsync(PostgresSession session)
    {
        var schema = await CurrentAsync(session).ConfigureAwait(false);
        var found = await FindAsync(session).ConfigureAwait(false);
        if (found < version)
        {
            throw new StorageRefusedException(found == 0
                ? $"{what} has no tables of this program yet: apply the schema first, with 'DpAttn.Server --migrate' and the same settings"
                : $"{what} has schema version {found}, and this program needs {version}: apply it with 'DpAttn.Server --migrate' and the same settings, after a backup");
        }
        return schema;
    }

    /// <summary>Applies what is missing, in the transaction that the session has begun, and keeps others from doing so until it ends.</summary>
    /// <returns>The version found, 0 for a database without tables, and the schema that holds them.</returns>
    /// <exception cref="StorageRefusedException">It was written by a newer version, or there is no place for tables.</exception>
    public async Task<(int Found, string Schema)> ApplyAsync(PostgresSession session, DateTimeOffset now)
    {
        var schema = await CurrentAsync(session).ConfigureAwait(false);
        await session.QueryAsync(new PostgresStatement("SELECT pg_advisory_xact_lock($1)").With(PostgresLocks.Key(schema, "migration")), _ => true).ConfigureAwait(false);
        await session.ExecuteAsync(new PostgresStatement($"CREATE TABLE IF NOT EXISTS {table} (version int NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)")).ConfigureAwait(false);
        var found = await FindAsync(session).ConfigureAwait(false);
        for (var next = found + 1; next <= version; next++)
        {
            await session.ExecuteScriptAsync(Script(next)).ConfigureAwait(false);
            await session.ExecuteAsync(new PostgresStatement($"INSERT INTO {table} (version, applied_at) VALUES ($1, $2)").With(next).With(Timestamp.ToMicroseconds(now))).ConfigureAwait(false);
        }
        return (found, schema);
    }

    /// <summary>The script that leads to a version from the one before.</summary>
    private string Script(int next)
    {
        var name = $"{resources}/{next:D3}.sql";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"no embedded script {name}");
        return new StreamReader(stream).ReadToEnd();
    }

    private async Task<string> CurrentAsync(PostgresSession session)
    {
        var found = await session.QueryAsync(new PostgresStatement("SELECT current_schema()::text"), row => row.IsDBNull(0) ? null : row.GetString(0)).ConfigureAwait(false);
        return found[0] ?? throw new StorageRefusedException($"{what} has no schema for the tables: none of those in the search path of the connection exists");
    }

    private async Task<int> FindAsync(PostgresSession session)
    {
        var there = new PostgresStatement($"SELECT to_regclass(quote_ident(current_schema()) || '.{table}') IS NOT NULL");
        if (!(await session.QueryAsync(there, row => row.GetBoolean(0)).ConfigureAwait(false))[0])
            return 0;
        var found = (await session.QueryAsync(new PostgresStatement($"SELECT coalesce(max(version), 0) FROM {table}"), row => row.GetInt32(0)).ConfigureAwait(false))[0];
        return found <= version
            ? found
            : throw new StorageRefusedException($"{what} has schema version {found}, and this program knows versions up to {version}: it was written by a newer version, use that one");
    }
}
