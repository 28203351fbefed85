using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace DpAttn.Storage;

/// <summary>One connection and its prepared statements; used by one thread at a time.</summary>
internal sealed class SqliteSession : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteStatement> _statements = [];

    private SqliteSession(SqliteConnection connection) => _connection = connection;

    public sqlite3 Handle => _connection.Handle ?? throw new ObjectDisposedException(nameof(SqliteSession));

    /// <summary>Whether content was removed or replaced: it stays readable in the write-ahead log until that is emptied.</summary>
    public bool HasErased { get; set; }

    /// <summary>Books whose MACs this connection knows to be right.</summary>
    public LedgerBookCache KnownBooks { get; } = new();

    /// <summary>False while a transaction is open. SQLite ends one by itself after some failures.</summary>
    public bool IsIdle => raw.sqlite3_get_autocommit(Handle) != 0;

    /// <summary>How many rows were changed since the connection was opened.</summary>
    public int TotalChanges => raw.sqlite3_total_changes(Handle);

    /// <summary>For tests: the statements prepared so far, by their texts.</summary>
    public IReadOnlyDictionary<string, SqliteStatement> Prepared => _statements;

    /// <summary>Opens a connection of its own to a file.</summary>
    public static SqliteSession Open(string file, bool readOnly)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = readOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWrite,
            Pooling = false,
        }.ToString());
        try
        {
            connection.Open();
            return new SqliteSession(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The statement of a text, prepared at its first use. Dispose it to give it back.</summary>
    public SqliteStatement Prepare(string sql)
    {
        if (_statements.TryGetValue(sql, out var known))
            return known;
        var code = raw.sqlite3_prepare_v3(Handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var handle);
        if (code != raw.SQLITE_OK)
            throw Failure(code);
        var statement = new SqliteStatement(this, handle);
        _statements.Add(sql, statement);
        return statement;
    }

    /// <summary>Runs a statement without parameters.</summary>
    public void Execute(string sql)
    {
        using var statement = Prepare(sql);
        statement.Execute();
    }

    /// <summary>Runs a script of several statements.</summary>
    public void ExecuteScript(string sql)
    {
        var code = raw.sqlite3_exec(Handle, sql);
        if (code != raw.SQLITE_OK)
            throw Failure(code);
    }

    /// <summary>The first column of the first row as text; null without a row.</summary>
    public string? Scalar(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.TextOrNull(0) : null;
    }

    /// <summary>Reads in one snapshot, so that several statements see the same state.</summary>
    public T InSnapshot<T>(Func<SqliteSession, T> read)
    {
        Execute("BEGIN");
        try
        {
            return read(this);
        }
        finally
        {
            if (!IsIdle)
                Execute("ROLLBACK");
        }
    }

    /// <summary>Moves the write-ahead log into the file and cuts it to nothing; false, without waiting, while a reader is in the way.</summary>
    public bool TryEmptyLog()
    {
        raw.sqlite3_busy_timeout(Handle, 0);
        try
        {
            using var checkpoint = Prepare("PRAGMA wal_checkpoint(TRUNCATE)");
            return checkpoint.Step() && checkpoint.Integer(0) == 0;
        }
        finally
        {
            raw.sqlite3_busy_timeout(Handle, SqlitePragmas.BusyMilliseconds);
        }
    }

    public SqliteException Failure(int code) =>
        new(raw.sqlite3_errmsg(Handle).utf8_to_string(), code & 0xff, raw.sqlite3_extended_errcode(Handle));

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
            statement.Close();
        _connection.Dispose();
    }
}
