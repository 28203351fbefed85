namespace DpAttn.Storage;

/// <summary>The digest of a suspension's row, the same in every database.</summary>
internal static class SuspensionDigest
{
    public static RowDigest Of(string store, string reason, long foundAt)
    {
        var digest = new RowDigest("ledger_suspension");
        digest.Add(store);
        digest.Add(reason);
        digest.Add(foundAt);
        return digest;
    }
}
