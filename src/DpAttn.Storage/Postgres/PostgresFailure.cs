using System.Net.Sockets;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>What a failure of PostgreSQL or of the way to it means to a caller.</summary>
internal static class PostgresFailure
{
    /// <summary>Whether an exception comes from the database or the way to it, and not from our own code.</summary>
    public static bool IsDatabase(Exception failure) => failure is NpgsqlException or TimeoutException or IOException or SocketException;

    /// <summary>Whether a transaction that failed this way before its commit may simply be tried again: it met another one, or its connection was gone.</summary>
    public static bool IsWorthRetrying(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure } || IsConnectionLost(failure);

    /// <summary>Whether the connection is gone, as all are after the server was started again.</summary>
    public static bool IsConnectionLost(Exception failure) => failure switch
    {
        PostgresException { SqlState: var state } => state is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or "25P03",
        NpgsqlException { InnerException: TimeoutException } => false,
        NpgsqlException or IOException or SocketException => true,
        _ => false,
    };

    /// <summary>Whether a failure of the commit itself says that nothing was committed: a constraint that is checked there, or a conflict.</summary>
    public static bool IsRolledBack(Exception failure) =>
        failure is PostgresException { SqlState: [.. var group, _, _, _] state } && group is "23" or "40" && state != PostgresErrorCodes.StatementCompletionUnknown;

    /// <summary>A failure after which nothing was changed.</summary>
    public static StorageException Unchanged(string operation, Exception failure) => Of(operation, failure, "; nothing was changed");

    /// <summary>A failed read, or a failed opening.</summary>
    public static StorageException Unread(string operation, Exception failure) => Of(operation, failure, "");

    /// <summary>A failed commit: whether it was made is not known.</summary>
    public static StorageOutcomeUnknownException Unknown(string operation, Exception failure) =>
        new($"{operation}: the commit was not acknowledged ({Reason(failure)}); whether the change was made is unknown", failure);

    private static StorageException Of(string operation, Exception failure, string consequence)
    {
        var state = (failure as PostgresException)?.SqlState ?? "";
        return state switch
        {
            PostgresErrorCodes.DiskFull => new StorageFullException($"{operation}: the database's disk is full{consequence}", failure),
            PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted => new StorageCorruptException($"{operation}: the database is damaged ({Reason(failure)}){consequence}", failure),
            // What a guarded change says when it changes another number of rows than it must.
            PostgresErrorCodes.DivisionByZero => new StorageCorruptException($"{operation}: the ledger changed within the transaction that decided{consequence}", failure),
            _ when state.StartsWith("23", StringComparison.Ordinal) => new StorageCorruptException($"{operation}: the database contradicts what was decided ({Reason(failure)}){consequence}", failure),
            _ => new StorageUnavailableException($"{operation}: the database failed ({Reason(failure)}){consequence}", failure),
        };
    }

    /// <summary>The server's own words, which hold names of constraints and settings but no values: details are switched off.</summary>
    private static string Reason(Exception failure) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => $"a lock was not free within {PostgresSource.LockMilliseconds} ms",
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => $"a statement took longer than {PostgresSource.StatementMilliseconds} ms",
        PostgresException server => $"{server.SqlState}: {server.MessageText}",
        NpgsqlException { InnerException: TimeoutException } or TimeoutException => $"no answer within {PostgresSource.CommandSeconds} s",
        _ => failure.Message,
    };
}
