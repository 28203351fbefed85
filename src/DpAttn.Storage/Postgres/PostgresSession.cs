using System.Data;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>A connection in use for one transaction, or for one read.</summary>
internal sealed class PostgresSession : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private NpgsqlTransaction? _transaction;
    private string? _warning;

    private PostgresSession(NpgsqlConnection connection)
    {
        _connection = connection;
        connection.Notice += (_, notice) =>
        {
            if (notice.Notice.InvariantSeverity == "WARNING")
                _warning = notice.Notice.MessageText;
        };
    }

    public static async Task<PostgresSession> OpenAsync(NpgsqlDataSource source) => new(await source.OpenConnectionAsync().ConfigureAwait(false));

    /// <summary>Begins a transaction: with its first statement, not by itself.</summary>
    public async Task BeginAsync(IsolationLevel isolation = IsolationLevel.ReadCommitted) =>
        _transaction = await _connection.BeginTransactionAsync(isolation).ConfigureAwait(false);

    /// <summary>Commits and waits for the flush.</summary>
    /// <exception cref="NpgsqlException">Whether it was committed is unknown.</exception>
    public async Task CommitAsync()
    {
        _warning = null;
        await _transaction!.CommitAsync().ConfigureAwait(false);
        // A server told to stop waiting for its replica commits all the same, and says so in this way only.
        if (_warning is not null)
            throw new NpgsqlException($"the server committed with a warning: {_warning}");
    }

    public Task RollbackAsync() => _transaction!.RollbackAsync();

    /// <summary>Executes statements in one exchange with the server.</summary>
    /// <returns>How many rows each of them changed.</returns>
    public async Task<ulong[]> ExecuteAsync(params IReadOnlyList<PostgresStatement> statements)
    {
        if (statements.Count == 0)
            return [];
        await using var batch = Batch(statements);
        await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        return [.. statements.Select(statement => statement.Command.Rows)];
    }

    /// <summary>Executes a script of several statements.</summary>
    public async Task ExecuteScriptAsync(string script)
    {
        await using var command = new NpgsqlCommand(script, _connection, _transaction);
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    /// <summary>Executes a statement and reads its rows.</summary>
    public async Task<List<T>> QueryAsync<T>(PostgresStatement statement, Func<NpgsqlDataReader, T> read)
    {
        await using var batch = Batch([statement]);
        await using var reader = await batch.ExecuteReaderAsync().ConfigureAwait(false);
        return await ReadAllAsync(reader, read).ConfigureAwait(false);
    }

    /// <summary>Executes statements in one exchange with the server; the results are read in their order.</summary>
    public async Task<T> QueryAllAsync<T>(IReadOnlyList<PostgresStatement> statements, Func<NpgsqlDataReader, Task<T>> read)
    {
        await using var batch = Batch(statements);
        await using var reader = await batch.ExecuteReaderAsync().ConfigureAwait(false);
        return await read(reader).ConfigureAwait(false);
    }

    public static async Task<List<T>> ReadAllAsync<T>(NpgsqlDataReader reader, Func<NpgsqlDataReader, T> read)
    {
        var found = new List<T>();
        while (await reader.ReadAsync().ConfigureAwait(false))
            found.Add(read(reader));
        return found;
    }

    /// <summary>Gives the connection back; what was not committed is rolled back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_transaction is not null)
            await _transaction.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private NpgsqlBatch Batch(IReadOnlyList<PostgresStatement> statements)
    {
        var batch = new NpgsqlBatch(_connection, _transaction);
        foreach (var statement in statements)
            batch.BatchCommands.Add(statement.Command);
        return batch;
    }
}
