using SQLitePCL;

namespace DpAttn.Storage;

/// <summary>A prepared statement of one connection. Disposing gives it back for its next use; <see cref="Close"/> ends it.</summary>
internal sealed class SqliteStatement(SqliteSession session, sqlite3_stmt handle) : IDisposable
{
    private int _bound;

    /// <summary>For tests: one of SQLite's counters of this statement's work since it was last asked for.</summary>
    public int TakeStatus(int counter) => raw.sqlite3_stmt_status(handle, counter, 1);

    /// <summary>Binds the next parameter.</summary>
    public SqliteStatement With(long value) => Bound(raw.sqlite3_bind_int64(handle, ++_bound, value));

    /// <inheritdoc cref="With(long)"/>
    public SqliteStatement With(double value) => Bound(raw.sqlite3_bind_double(handle, ++_bound, value));

    /// <inheritdoc cref="With(long)"/>
    public SqliteStatement With(string? value) =>
        Bound(value is null ? raw.sqlite3_bind_null(handle, ++_bound) : raw.sqlite3_bind_text(handle, ++_bound, value));

    /// <inheritdoc cref="With(long)"/>
    /// <remarks>An empty span is an empty blob, not NULL.</remarks>
    public SqliteStatement With(ReadOnlySpan<byte> value) =>
        Bound(value.IsEmpty ? raw.sqlite3_bind_zeroblob(handle, ++_bound, 0) : raw.sqlite3_bind_blob(handle, ++_bound, value));

    /// <inheritdoc cref="With(long)"/>
    public SqliteStatement WithNull() => Bound(raw.sqlite3_bind_null(handle, ++_bound));

    /// <summary>Goes to the next row; false after the last one.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        return code == raw.SQLITE_ROW || (code == raw.SQLITE_DONE ? false : throw session.Failure(code));
    }

    /// <summary>Runs to the end and returns how many rows were changed.</summary>
    public int Execute()
    {
        while (Step())
        {
        }
        return raw.sqlite3_changes(session.Handle);
    }

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public long Integer(int column) => raw.sqlite3_column_int64(handle, column);

    public double Real(int column) => raw.sqlite3_column_double(handle, column);

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string();

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    /// <summary>A blob, valid until the next step.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(handle, column);

    public void Dispose()
    {
        raw.sqlite3_reset(handle);
        raw.sqlite3_clear_bindings(handle);
        _bound = 0;
    }

    public void Close() => handle.Dispose();

    private SqliteStatement Bound(int code) => code == raw.SQLITE_OK ? this : throw session.Failure(code);
}
