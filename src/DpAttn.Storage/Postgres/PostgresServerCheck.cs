using Npgsql;

namespace DpAttn.Storage;

/// <summary>Refuses, at every new connection, a server that would acknowledge what is not on its disk, or that is not the one to write to.</summary>
internal static class PostgresServerCheck
{
    private const int LeastVersion = 150_000;

    private const string Settings = """
        SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_setting('fsync'), current_setting('full_page_writes'),
               current_setting('synchronous_commit'), current_setting('transaction_read_only')
        """;

    public static void Require(NpgsqlConnection connection)
    {
        string synchronousCommit;
        using (var command = new NpgsqlCommand(Settings, connection))
        using (var reader = command.ExecuteReader())
        {
            reader.Read();
            synchronousCommit = Check(reader);
        }
        using var keep = new NpgsqlCommand(Keep(synchronousCommit), connection);
        keep.ExecuteNonQuery();
    }

    /// <inheritdoc cref="Require"/>
    public static async Task RequireAsync(NpgsqlConnection connection)
    {
        string synchronousCommit;
        await using (var command = new NpgsqlCommand(Settings, connection))
        await using (var reader = await command.ExecuteReaderAsync().ConfigureAwait(false))
        {
            await reader.ReadAsync().ConfigureAwait(false);
            synchronousCommit = Check(reader);
        }
        await using var keep = new NpgsqlCommand(Keep(synchronousCommit), connection);
        await keep.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private static string Check(NpgsqlDataReader settings)
    {
        var version = settings.GetInt32(0);
        if (version < LeastVersion)
            throw new StorageRefusedException($"the database server is PostgreSQL {version / 10_000}, and {LeastVersion / 10_000} or later is needed");
        if (settings.GetString(1) != "UTF8")
            throw new StorageRefusedException($"the database's encoding is {settings.GetString(1)}, and UTF8 is needed");
        foreach (var (name, column) in new[] { ("fsync", 2), ("full_page_writes", 3), ("synchronous_commit", 4) })
        {
            if (settings.GetString(column) == "off")
                throw new StorageRefusedException($"the database does not keep what it acknowledges: its setting {name} is off. A crash would give back what was charged: set it to on");
        }
        if (settings.GetString(5) != "off")
            throw new StorageRefusedException("the database is read-only: it is a replica, or set so. The storage needs the one that is written to");
        return settings.GetString(4);
    }

    /// <summary>Pins what was found, so that a change of the server's configuration does not reach this connection.</summary>
    private static string Keep(string synchronousCommit) => $"SET synchronous_commit TO {synchronousCommit}";
}
