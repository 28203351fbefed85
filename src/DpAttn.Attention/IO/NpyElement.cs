namespace DpAttn.Attention.IO;

/// <summary>An element type of a .npy array, with its little-endian NumPy code.</summary>
internal sealed record NpyElement(string Name, char Kind, int Size)
{
    public static readonly NpyElement Float32 = new("float32", 'f', 4);
    public static readonly NpyElement Float64 = new("float64", 'f', 8);

    private static readonly NpyElement[] All =
    [
        Float32, Float64,
        new("int8", 'i', 1), new("int16", 'i', 2), new("int32", 'i', 4), new("int64", 'i', 8),
        new("uint8", 'u', 1), new("uint16", 'u', 2), new("uint32", 'u', 4), new("uint64", 'u', 8),
        new("bool", 'b', 1),
    ];

    public bool IsFloat => Kind == 'f';

    public string Code => $"{(Size == 1 ? '|' : '<')}{Kind}{Size}";

    /// <summary>The element of a descr such as '&lt;f4'; null when it is not supported.</summary>
    public static NpyElement? Parse(string descr, out bool bigEndian)
    {
        bigEndian = false;
        if (descr.Length != 3 || descr[0] is not ('<' or '>' or '|' or '='))
            return null;
        bigEndian = descr[0] == '>' || (descr[0] == '=' && !BitConverter.IsLittleEndian);
        return All.FirstOrDefault(element => element.Kind == descr[1] && element.Size == descr[2] - '0'
            && (descr[0] != '|' || element.Size == 1));
    }
}
