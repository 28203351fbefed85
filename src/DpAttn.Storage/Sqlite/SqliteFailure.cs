using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace DpAttn.Storage;

/// <summary>What a failure of SQLite means to a caller.</summary>
internal static class SqliteFailure
{
    public static bool IsFull(SqliteException failure) => failure.SqliteErrorCode == raw.SQLITE_FULL;

    public static bool IsConstraint(SqliteException failure) => failure.SqliteErrorCode == raw.SQLITE_CONSTRAINT;

    /// <summary>A failure after which nothing was changed.</summary>
    public static StorageException Unchanged(string operation, SqliteException failure) => failure.SqliteErrorCode switch
    {
        raw.SQLITE_FULL => new StorageFullException($"{operation}: the disk is full; nothing was changed", failure),
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new StorageCorruptException($"{operation}: the database file is damaged ({failure.Message})", failure),
        raw.SQLITE_CONSTRAINT => new StorageCorruptException($"{operation}: the database contradicts what was decided ({failure.Message}); nothing was changed", failure),
        _ => new StorageUnavailableException($"{operation}: the database failed with {failure.SqliteExtendedErrorCode} ({failure.Message}); nothing was changed", failure),
    };

    /// <summary>A failed read, or a failed opening.</summary>
    public static StorageException Unread(string operation, SqliteException failure) => failure.SqliteErrorCode switch
    {
        raw.SQLITE_FULL => new StorageFullException($"{operation}: the disk is full", failure),
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new StorageCorruptException($"{operation}: the database file is damaged ({failure.Message})", failure),
        _ => new StorageUnavailableException($"{operation}: the database failed with {failure.SqliteExtendedErrorCode} ({failure.Message})", failure),
    };

    /// <summary>A failed flush: what was written may or may not be there after a restart.</summary>
    public static StorageException Unknown(string operation, SqliteException failure) => new StorageOutcomeUnknownException(
        $"{operation}: the flush failed with {failure.SqliteExtendedErrorCode} ({failure.Message}); whether the change was made is unknown", failure);
}
