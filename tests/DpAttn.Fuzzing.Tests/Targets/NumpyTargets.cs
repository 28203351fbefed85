using DpAttn.Attention.IO;

namespace DpAttn.Fuzzing.Tests;

/// <summary>.npy and .npz as the library reads them.</summary>
internal static class NumpyTargets
{
    private const int DataCap = 1 << 20;
    private static readonly NpyLimits Limits = new() { DataBytes = DataCap, Members = 8 };

    // The data, once grown and once transposed, and labels of four bytes for one.
    private const long Cap = 8L * DataCap;

    private static byte[][] Arrays { get; } =
    [
        Pieces.Keys, Pieces.Values, Pieces.Marks,
        Pieces.Npy(">f4", "(5,)", new byte[20], fortran: true),
        Pieces.Npy("<f8", "(3, 5)", Pieces.Doubles(15), fortran: true, major: 2),
        Pieces.Npy("<i8", "(4,)", new byte[32], major: 3),
        Pieces.Npy("|u1", "(300, 1)", new byte[300]),
    ];

    public static IEnumerable<FuzzTarget> All =>
    [
        new()
        {
            Name = "npy", Seeds = Arrays, Tokens = Pieces.NpyTokens, Refusals = [typeof(NpyFormatException)], BytesAtMost = Cap, Weight = 3,
            Read = bytes => Matrix(() => Npy.ReadMatrix(new MemoryStream(bytes), "x", Limits)) | Labels(bytes),
        },
        new()
        {
            Name = "npy-stream", Seeds = Arrays, Tokens = Pieces.NpyTokens, Refusals = [typeof(NpyFormatException)], BytesAtMost = Cap, Weight = 3,
            Read = bytes => Matrix(() => Npy.ReadMatrix(new OneWayStream(bytes, 13), "x", Limits)),
        },
        new()
        {
            Name = "npz", Seeds = Archives, Tokens = Pieces.NpyTokens, Refusals = [typeof(NpyFormatException)], BytesAtMost = Cap, BytesPerByte = 64,
            Read = bytes => Npz.Read(new MemoryStream(bytes), "x.npz", Limits).Count >= 0,
        },
        new()
        {
            Name = "npz-member", Seeds = [Pieces.Keys, Pieces.Values, Arrays[3], Arrays[4]], Tokens = Pieces.NpyTokens, Refusals = [typeof(NpyFormatException)], BytesAtMost = Cap, BytesPerByte = 64,
            Wrap = member => Pieces.Zip(member.Length % 2 == 0, ("keys.npy", member), ("values.npy", Pieces.Values)),
            Read = bytes => Npz.Read(new MemoryStream(bytes), "x.npz", Limits).Count >= 0,
        },
    ];

    /// <summary>Archives with both ways to store, and one whose member inflates to far more than the caps.</summary>
    public static byte[][] Archives { get; } =
    [
        Pieces.Zip(false, ("keys.npy", Pieces.Keys), ("values.npy", Pieces.Values)),
        Pieces.Zip(true, ("keys.npy", Pieces.Keys), ("values.npy", Pieces.Values)),
        Pieces.Zip(true, ("keys.npy", Pieces.Npy("<f8", "(100, 100)", new byte[80_000]))),
    ];

    // Seeds are read as a matrix or as labels: what only the other can read is no crash.
    private static bool Matrix(Func<FloatMatrix> read)
    {
        try
        {
            var matrix = read();
            return matrix.ToDouble().Data.Length == matrix.Rows * matrix.Columns;
        }
        catch (NpyFormatException)
        {
            return false;
        }
    }

    private static bool Labels(byte[] bytes)
    {
        try
        {
            return Npy.ReadLabels(new MemoryStream(bytes), "x", Limits).Length >= 0;
        }
        catch (NpyFormatException)
        {
            return false;
        }
    }
}
