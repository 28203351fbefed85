namespace DpAttn.Cluster;

/// <summary>
/// Ids of segment blobs: the key of the batch and the part, so that a retry names the same ones; and behind them a random end once a row was erased.
/// </summary>
internal static class SegmentName
{
    private const string Erased = "-e";

    public static string Of(string batchKey, int part) => $"{batchKey}-{part:D5}";

    /// <summary>An id for the same segment without one row more.</summary>
    public static string Rewritten(string blob) => $"{blob.Split(Erased)[0]}{Erased}{Guid.NewGuid():N}";

    /// <summary>The batch and the part of an id.</summary>
    public static (string BatchKey, int Part)? Parse(string blob)
    {
        var pieces = blob.Split('-');
        return pieces.Length >= 2 && int.TryParse(pieces[1], out var part) && part >= 0 ? (pieces[0], part) : null;
    }
}
