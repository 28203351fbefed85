namespace DpAttn.Storage;

/// <summary>What a blob's key may be.</summary>
internal static class BlobKeys
{
    public const int LongestId = 200;

    /// <exception cref="ArgumentException">No such kind, a bad id or a negative part.</exception>
    public static void Require(BlobKey key)
    {
        _ = key.Store.Value;
        RequireKind(key.Kind);
        RequirePrefix(key.Id);
        if (key.Id.Length == 0)
            throw new ArgumentException("a blob's id has at least one character", nameof(key));
        ArgumentOutOfRangeException.ThrowIfNegative(key.Part, nameof(key));
    }

    public static void RequireKind(BlobKind kind)
    {
        if (!Enum.IsDefined(kind))
            throw new ArgumentException($"{(int)kind} is no kind of blob", nameof(kind));
    }

    public static void RequirePrefix(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (id.Length > LongestId)
            throw new ArgumentException($"a blob's id has at most {LongestId} characters, not {id.Length}", nameof(id));
        if (id.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
            throw new ArgumentException("a blob's id has printable ASCII characters only", nameof(id));
    }
}
