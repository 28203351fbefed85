namespace DpAttn.Storage;

/// <summary>Keys that wrap secrets, by their ids: the current one wraps, all of them unwrap.</summary>
public sealed class KeyRing
{
    /// <summary>The length of a key, for AES-256.</summary>
    public const int KeyBytes = 32;

    /// <summary>The longest id.</summary>
    public const int LongestId = 32;

    private readonly Dictionary<string, byte[]> _keys = [];

    /// <summary>A ring.</summary>
    /// <param name="keys">Ids of 1 to 32 lower-case letters, digits and hyphens, with keys of 32 bytes; the last one is the current one.</param>
    /// <exception cref="ArgumentException">No key, an id twice, or an id or a key out of its range.</exception>
    public KeyRing(IEnumerable<KeyValuePair<string, byte[]>> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        string? current = null;
        foreach (var (id, key) in keys)
        {
            if (!IsId(id))
                throw new ArgumentException($"a key's id has 1 to {LongestId} lower-case letters, digits and hyphens", nameof(keys));
            if (key is not { Length: KeyBytes })
                throw new ArgumentException($"the key {id} has {key?.Length ?? 0} bytes, and needs {KeyBytes}", nameof(keys));
            if (!_keys.TryAdd(id, [.. key]))
                throw new ArgumentException($"the id {id} stands twice", nameof(keys));
            current = id;
        }
        Current = current ?? throw new ArgumentException("there is no key", nameof(keys));
    }

    /// <summary>The id of the key that wraps.</summary>
    public string Current { get; }

    /// <summary>All ids.</summary>
    public IReadOnlyCollection<string> Ids => _keys.Keys;

    internal byte[] CurrentKey => _keys[Current];

    internal byte[]? Find(string id) => _keys.GetValueOrDefault(id);

    internal static bool IsId(string? id) =>
        id is { Length: > 0 and <= LongestId } && id.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-") < 0;
}
