namespace DpAttn.Storage;

/// <summary>The one row of the table ledger_identity.</summary>
internal static class LedgerIdentities
{
    /// <summary>The identity; null when the row is missing or is not authentic.</summary>
    public static LedgerIdentity? Read(SqliteSession session, LedgerChain chain)
    {
        using var select = session.Prepare("SELECT database, witness, mac FROM ledger_identity WHERE id = 1");
        if (!select.Step())
            return null;
        var identity = new LedgerIdentity(select.Text(0), select.TextOrNull(1));
        return LedgerChain.Equal(select.Blob(2), chain.OfIdentity(identity)) ? identity : null;
    }

    /// <summary>Writes it, whatever stood there.</summary>
    public static void Write(SqliteSession session, LedgerChain chain, LedgerIdentity identity)
    {
        using var insert = session.Prepare("INSERT OR REPLACE INTO ledger_identity (id, database, witness, mac) VALUES (1, ?1, ?2, ?3)")
            .With(identity.Database).With(identity.Witness).With(chain.OfIdentity(identity));
        insert.Execute();
    }
}
