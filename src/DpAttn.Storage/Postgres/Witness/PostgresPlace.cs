namespace DpAttn.Storage;

/// <summary>Which database of which server a connection leads to, whatever names and ways lead there.</summary>
/// <param name="Server">The server's files, which it and its copies share; where the server does not say, when it was started.</param>
/// <param name="Database">The database's number there.</param>
internal sealed record PostgresPlace(string Server, string Database)
{
    public static async Task<PostgresPlace> ReadAsync(PostgresSession session)
    {
        var mayAsk = await session.QueryAsync(new PostgresStatement("SELECT has_function_privilege('pg_control_system()', 'execute')"), row => row.GetBoolean(0)).ConfigureAwait(false);
        var server = mayAsk[0] ? "(SELECT system_identifier::text FROM pg_control_system())" : "extract(epoch FROM pg_postmaster_start_time())::text";
        return (await session.QueryAsync(
            new PostgresStatement($"SELECT {server}, (SELECT oid::text FROM pg_database WHERE datname = current_database())"),
            row => new PostgresPlace(row.GetString(0), row.GetString(1))).ConfigureAwait(false))[0];
    }
}
