namespace DpAttn.Storage;

/// <summary>
/// The check at start. A small file is read whole; of a large one only the ledger's totals, so that opening stays fast: what lies in the
/// rest has checksums that are verified when it is read.
/// </summary>
internal static class SqliteIntegrity
{
    /// <summary>Files up to this size are checked whole.</summary>
    public const long SmallBytes = 64L << 20;

    /// <exception cref="StorageCorruptException">The file's structure is damaged.</exception>
    public static void Check(SqliteSession session)
    {
        var bytes = long.Parse(session.Scalar("PRAGMA page_count")!) * long.Parse(session.Scalar("PRAGMA page_size")!);
        string[] checks = bytes <= SmallBytes ? ["PRAGMA quick_check(1)"] : ["PRAGMA quick_check('ledger_book')", "PRAGMA quick_check('ledger_tier')"];
        foreach (var check in checks)
        {
            var found = session.Scalar(check);
            if (found != "ok")
                throw new StorageCorruptException($"the database file is damaged: {found}");
        }
    }
}
