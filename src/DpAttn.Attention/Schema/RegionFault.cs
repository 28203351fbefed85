namespace DpAttn.Attention;

/// <summary>What is wrong with a vector, without any of its numbers.</summary>
internal readonly record struct RegionFault(RegionFaultKind Kind, int Coordinate)
{
    public static RegionFault None => default;

    public static RegionFault NotFinite(int coordinate) => new(RegionFaultKind.NotFinite, coordinate);

    public static RegionFault Outside(int coordinate = -1) => new(RegionFaultKind.Outside, coordinate);
}

internal enum RegionFaultKind
{
    None,
    NotFinite,
    Outside,
}
