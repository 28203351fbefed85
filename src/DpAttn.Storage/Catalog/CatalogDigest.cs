namespace DpAttn.Storage;

/// <summary>The digests of the catalog's rows and of the audit log's, the same in every database.</summary>
internal static class CatalogDigest
{
    /// <summary>Of a row of the catalog.</summary>
    public static RowDigest OfRow(string kind, string key, long version, ReadOnlySpan<byte> content)
    {
        var digest = new RowDigest("catalog");
        digest.Add(kind);
        digest.Add(key);
        digest.Add(version);
        digest.Add(content);
        return digest;
    }

    /// <summary>Of a line of the audit log.</summary>
    public static RowDigest OfLine(long sequence, long writtenAt, AuditEvent entry)
    {
        var digest = new RowDigest("audit");
        digest.Add(sequence);
        digest.Add(writtenAt);
        digest.Add(entry.Action);
        digest.Add(entry.Actor);
        digest.Add(entry.Store?.Value);
        digest.Add(entry.Target);
        digest.Add(entry.Detail);
        return digest;
    }
}
