namespace DpAttn.Attention.IO;

/// <summary>Caps on what a reader takes from outside. They are checked before anything is allocated.</summary>
public sealed record NpyLimits
{
    /// <summary>The caps used when none are given.</summary>
    public static NpyLimits Default { get; } = new();

    /// <summary>The longest header, in bytes. Default 64 KiB.</summary>
    public int HeaderBytes { get; init; } = 64 * 1024;

    /// <summary>The most data one array may hold, or all arrays of an archive together, in bytes after decoding. Default 16 GiB.</summary>
    public long DataBytes { get; init; } = 16L << 30;

    /// <summary>The most members of an .npz archive. Default 64.</summary>
    public int Members { get; init; } = 64;
}
