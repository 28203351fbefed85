using System.Reflection;
using DpAttn.Storage;
using Npgsql;

namespace DpAttn.Server;

/// <summary>
/// The tables in which silos find each other, beside the storage's in the same database: numbered scripts, each applied once and only by <c>--migrate</c>, all in one transaction. Fronts read them and
/// nothing else.
/// </summary>
internal static class MembershipSchema
{
    /// <summary>The schema that this version reads and writes.</summary>
    public const int Version = 1;

    // Any number that no other program takes: of several migrations at once one waits for the other.
    private const long Lock = 0x64706174746e6d62;

    /// <summary>Makes or upgrades the tables. Repeating it changes nothing.</summary>
    /// <returns>The version that was found; 0 for none.</returns>
    /// <exception cref="StorageException">The database cannot be reached, lacks a right, or was written by a newer version.</exception>
    public static Task<int> ApplyAsync(string connectionString) => AskAsync(connectionString, "applying the schema of the cluster's membership", async connection =>
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({Lock})");
        await ExecuteAsync(connection, "CREATE TABLE IF NOT EXISTS dpattn_cluster_schema (version int NOT NULL PRIMARY KEY, applied_at timestamptz NOT NULL)");
        var found = await FindAsync(connection);
        for (var version = found + 1; version <= Version; version++)
        {
            await ExecuteAsync(connection, Script(version));
            await ExecuteAsync(connection, $"INSERT INTO dpattn_cluster_schema (version, applied_at) VALUES ({version}, now())");
        }
        await transaction.CommitAsync();
        return found;
    });

    /// <summary>Refuses a database whose tables are not there or of another version.</summary>
    /// <exception cref="StorageException">They are not, or the database cannot be reached.</exception>
    public static Task RequireCurrentAsync(string connectionString) => AskAsync(connectionString, "reading the schema of the cluster's membership", async connection =>
    {
        var found = await FindAsync(connection);
        return found == Version ? found : throw new StorageRefusedException(found == 0
            ? "the database has no tables of the cluster's membership yet: apply the schema first, with 'DpAttn.Server --migrate' and the settings of a silo"
            : $"the database has version {found} of the cluster's membership, and this program needs {Version}: apply it with 'DpAttn.Server --migrate' and the settings of a silo");
    });

    internal static string Script(int version)
    {
        var name = $"MembershipSchema/{version:D3}.sql";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"no embedded script {name}");
        return new StreamReader(stream).ReadToEnd();
    }

    private static async Task<int> FindAsync(NpgsqlConnection connection)
    {
        if (await ScalarAsync(connection, "SELECT to_regclass(quote_ident(current_schema()) || '.dpattn_cluster_schema') IS NOT NULL") is not true)
            return 0;
        var found = (int)(await ScalarAsync(connection, "SELECT coalesce(max(version), 0) FROM dpattn_cluster_schema"))!;
        return found <= Version
            ? found
            : throw new StorageRefusedException($"the database has version {found} of the cluster's membership, and this program knows versions up to {Version}: it was written by a newer version, use that one");
    }

    private static async Task<int> AskAsync(string connectionString, string what, Func<NpgsqlConnection, Task<int>> work)
    {
        try
        {
            await using var source = NpgsqlDataSource.Create(MembershipDatabase.ConnectionString(connectionString));
            await using var connection = await source.OpenConnectionAsync();
            return await work(connection);
        }
        catch (PostgresException e)
        {
            throw new StorageRefusedException($"{what} failed: the database answered {e.SqlState}: {e.MessageText}");
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // Its message may name hosts and users, never what they know.
            throw new StorageUnavailableException($"{what} failed: the database cannot be reached", e);
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
