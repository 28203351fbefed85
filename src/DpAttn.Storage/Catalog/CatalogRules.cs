namespace DpAttn.Storage;

/// <summary>What a change of the catalog may hold.</summary>
internal static class CatalogRules
{
    public const int LongestKind = 64;
    public const int LongestKey = 512;
    public const int LongestText = 4096;

    /// <summary>The largest row.</summary>
    public const int LargestContent = 4 << 20;

    /// <summary>The largest change, all its contents together.</summary>
    public const int LargestCommit = 16 << 20;

    /// <summary>Checks a change and copies its contents, which the caller may reuse once it has given up.</summary>
    /// <param name="commit">The change.</param>
    /// <param name="bytes">What its contents hold together.</param>
    /// <exception cref="ArgumentException">A bad key, a row written twice, a blob both required and removed, or too large.</exception>
    public static CatalogCommit Check(CatalogCommit commit, out int bytes)
    {
        ArgumentNullException.ThrowIfNull(commit);
        var written = new HashSet<(string, string)>();
        long total = 0;
        foreach (var write in commit.Writes)
        {
            RequireKey(write.Kind, write.Key);
            ArgumentOutOfRangeException.ThrowIfNegative(write.ExpectedVersion, nameof(commit));
            if (!written.Add((write.Kind, write.Key)))
                throw new ArgumentException($"a change writes the row {write.Kind} {write.Key} twice", nameof(commit));
            var length = write.Content?.Length ?? 0;
            if (length > LargestContent)
                throw new ArgumentException($"a catalog row has at most {LargestContent} bytes, and {write.Kind} {write.Key} {length}", nameof(commit));
            total += length;
        }
        if (total > LargestCommit)
            throw new ArgumentException($"a change of the catalog has at most {LargestCommit} bytes, and this one {total}", nameof(commit));
        foreach (var assertion in commit.Assertions)
        {
            RequireKey(assertion.Kind, assertion.Key);
            ArgumentOutOfRangeException.ThrowIfNegative(assertion.ExpectedVersion, nameof(commit));
        }
        foreach (var key in commit.RequiredBlobs)
        {
            BlobKeys.Require(key);
            if (commit.DeletedBlobs.Any(deleted => deleted.Store == key.Store && deleted.Kind == key.Kind && deleted.Id == key.Id))
                throw new ArgumentException($"a change both requires and removes the blob {key.Kind} {key.Id}", nameof(commit));
        }
        foreach (var key in commit.DeletedBlobs)
            BlobKeys.Require(key);
        foreach (var line in commit.Audit)
            RequireAudit(line);
        bytes = (int)total;
        return commit with { Writes = [.. commit.Writes.Select(write => write.Content is { } content ? write with { Content = content.ToArray() } : write)] };
    }

    /// <exception cref="ArgumentException">Empty, too long, or with control characters or half a surrogate pair.</exception>
    public static void RequireKey(string kind, string key)
    {
        RequireText(kind, LongestKind, nameof(kind));
        RequireText(key, LongestKey, nameof(key));
    }

    public static void RequireText(string value, int longest, string name)
    {
        ArgumentNullException.ThrowIfNull(value, name);
        if (value.Length == 0 || value.Length > longest)
            throw new ArgumentException($"has 1 to {longest} characters, not {value.Length}", name);
        for (var i = 0; i < value.Length; i++)
        {
            if (char.IsControl(value[i]))
                throw new ArgumentException("has no control characters", name);
            if (char.IsHighSurrogate(value[i]) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]))
                i++;
            else if (char.IsSurrogate(value[i]))
                throw new ArgumentException("has no half of a surrogate pair", name);
        }
    }

    private static void RequireAudit(AuditEvent line)
    {
        ArgumentNullException.ThrowIfNull(line);
        RequireText(line.Action, LongestText, nameof(line.Action));
        RequireText(line.Actor, LongestText, nameof(line.Actor));
        if (line.Target is not null)
            RequireText(line.Target, LongestText, nameof(line.Target));
        if (line.Detail is not null)
            RequireText(line.Detail, LongestText, nameof(line.Detail));
        _ = line.Store?.Value;
    }
}
