namespace DpAttn.Storage;

/// <summary>The one row of the table dpattn_ledger_identity.</summary>
internal static class PostgresIdentities
{
    /// <summary>The identity; null when the row is missing or is not authentic.</summary>
    public static async Task<LedgerIdentity?> ReadAsync(PostgresSession session, LedgerChain chain)
    {
        var found = await session.QueryAsync(
            new PostgresStatement("SELECT database, witness, mac FROM dpattn_ledger_identity WHERE id = 1"),
            row => (Identity: new LedgerIdentity(row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1)), Mac: row.GetFieldValue<byte[]>(2))).ConfigureAwait(false);
        return found is [var (identity, mac)] && LedgerChain.Equal(mac, chain.OfIdentity(identity)) ? identity : null;
    }

    /// <summary>Writes it, whatever stood there.</summary>
    public static PostgresStatement Write(LedgerChain chain, LedgerIdentity identity) => new PostgresStatement("""
        INSERT INTO dpattn_ledger_identity (id, database, witness, mac) VALUES (1, $1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET database = EXCLUDED.database, witness = EXCLUDED.witness, mac = EXCLUDED.mac
        """).With(identity.Database).With(identity.Witness).With(chain.OfIdentity(identity));
}
