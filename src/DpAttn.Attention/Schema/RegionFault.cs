namespace DpAttn.Attention;

/// <summary>What is wrong with a vector, without any of its numbers.</summary>
internal readonly record struct RegionFault(RegionFaultKind Kind, int Coordinate)
{
    public static RegionFault None => default;

    public static RegionFault NotFinite(int coordinate) => new(RegionFaultKind.NotFinite, coordinate);

    public static RegionFault Outside(int coordinate = -1) => new(RegionFaultKind.Outside, coordinate);

    /// <summary>In words: which coordinate, and which bound.</summary>
    /// <param name="region">The region in words.</param>
    /// <param name="coordinate">A coordinate's bound in words.</param>
    public string Describe(string region, Func<int, string> coordinate) => Kind switch
    {
        RegionFaultKind.NotFinite => $"coordinate {Coordinate} is NaN or infinite",
        RegionFaultKind.Outside => Coordinate >= 0 ? $"coordinate {Coordinate} lies outside {coordinate(Coordinate)}" : $"it lies outside {region}",
        _ => throw new InvalidOperationException("nothing is wrong"),
    };
}

internal enum RegionFaultKind
{
    None,
    NotFinite,
    Outside,
}
