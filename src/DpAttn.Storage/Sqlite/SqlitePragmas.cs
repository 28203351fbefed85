namespace DpAttn.Storage;

/// <summary>The settings of a connection that durability rests on, and the check that they took effect.</summary>
internal static class SqlitePragmas
{
    /// <summary>How long a statement waits for a lock that another program took, such as a backup.</summary>
    public const int BusyMilliseconds = 2000;

    private static readonly (string Name, string Value)[] Writer =
    [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("secure_delete", "1"),
        ("foreign_keys", "1"),
        ("fullfsync", "1"),
        ("checkpoint_fullfsync", "1"),
        ("trusted_schema", "0"),
        ("cell_size_check", "1"),
        ("temp_store", "2"),
    ];

    private static readonly (string Name, string Value)[] Reader =
    [
        ("query_only", "1"),
        ("trusted_schema", "0"),
        ("cell_size_check", "1"),
        ("temp_store", "2"),
    ];

    public static void ApplyToWriter(SqliteSession session)
    {
        Apply(session, Writer);
        // Not a matter of durability: a log that grew is cut back after it was moved into the file.
        session.ExecuteScript("PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384");
        RequireWriter(session);
    }

    public static void ApplyToReader(SqliteSession session) => Apply(session, Reader);

    /// <summary>Refuses a writing connection that would acknowledge what is not on the disk, or leave erased content in the file.</summary>
    /// <exception cref="StorageRefusedException">A setting did not take effect.</exception>
    public static void RequireWriter(SqliteSession session)
    {
        foreach (var (name, value) in Writer)
        {
            var actual = session.Scalar($"PRAGMA {name}");
            if (actual != value)
                throw new StorageRefusedException($"the database does not keep what it acknowledges: its setting {name} is {actual} and not {value}");
        }
    }

    private static void Apply(SqliteSession session, (string Name, string Value)[] settings)
    {
        session.ExecuteScript($"PRAGMA busy_timeout = {BusyMilliseconds}");
        foreach (var (name, value) in settings)
            session.ExecuteScript($"PRAGMA {name} = {value}");
    }
}
