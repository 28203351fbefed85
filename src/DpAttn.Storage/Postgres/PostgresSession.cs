using System.Data;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>A connection in use for one transaction, or for one read. The transaction begins with its first statement and may end with its last ones, so that neither is an exchange of its own.</summary>
internal sealed class PostgresSession : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlBatchCommand _commit = new("COMMIT");
    private readonly List<PostgresStatement> _last = [];
    private string? _begin;
    private bool _isOpen;
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

    /// <summary>Begins a transaction that writes.</summary>
    public void Begin() => _begin = "BEGIN ISOLATION LEVEL READ COMMITTED";

    /// <summary>Begins a transaction that reads one snapshot.</summary>
    public void BeginSnapshot() => _begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

    /// <summary>Statements to be sent together with the commit; nothing reads what they do. One that has not done what it must fails by itself.</summary>
    public void ExecuteLast(params IEnumerable<PostgresStatement> statements) => _last.AddRange(statements);

    /// <summary>Commits and waits for the flush.</summary>
    /// <exception cref="NpgsqlException">Unless <see cref="WasBeforeCommit"/>, whether it was committed is unknown.</exception>
    public async Task CommitAsync()
    {
        _warning = null;
        await using (var batch = Batch(_last))
        {
            batch.BatchCommands.Add(_commit);
            await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        _isOpen = false;
        // A server told to stop waiting for its replica commits all the same, and says so in this way only.
        if (_warning is not null)
            throw new NpgsqlException($"the server committed with a warning: {_warning}");
    }

    /// <summary>Whether a failure of <see cref="CommitAsync"/> is that of a statement before the commit, which the server then left out.</summary>
    public bool WasBeforeCommit(Exception failure) =>
        failure is PostgresException { InvariantSeverity: "ERROR", BatchCommand: { } failed } && !ReferenceEquals(failed, _commit);

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

    /// <summary>Executes a script of several statements, in a transaction that has begun.</summary>
    public async Task ExecuteScriptAsync(string script)
    {
        await using var command = new NpgsqlCommand(script, _connection);
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
        try
        {
            if (_isOpen && _connection.FullState == ConnectionState.Open)
            {
                await using var rollback = new NpgsqlCommand("ROLLBACK", _connection);
                await rollback.ExecuteNonQueryAsync().ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (PostgresFailure.IsDatabase(failure))
        {
            // Nothing to roll back on a connection that is gone.
        }
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private NpgsqlBatch Batch(IReadOnlyList<PostgresStatement> statements)
    {
        var batch = new NpgsqlBatch(_connection);
        if (_begin is not null)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(_begin));
            _begin = null;
            _isOpen = true;
        }
        foreach (var statement in statements)
            batch.BatchCommands.Add(statement.Command);
        return batch;
    }
}
