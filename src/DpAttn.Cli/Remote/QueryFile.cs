using DpAttn.Attention.IO;

namespace DpAttn.Cli.Remote;

/// <summary>Queries of a .npy file, as float32, the type that they are sent in.</summary>
internal sealed class QueryFile
{
    private readonly float[] _data;
    private readonly int _dimension;

    private QueryFile(float[] data, int count, int dimension) => (_data, Count, _dimension) = (data, count, dimension);

    /// <summary>m.</summary>
    public int Count { get; }

    /// <exception cref="NpyFormatException">Not such a file.</exception>
    /// <exception cref="DataFaultException">No queries, or one that is not finite.</exception>
    public static QueryFile Read(string path)
    {
        var name = Path.GetFileName(path);
        var matrix = Npy.ReadMatrix(path);
        if (matrix.Rows == 0 || matrix.Columns == 0)
            throw new DataFaultException($"{name} is {matrix.Rows} x {matrix.Columns}: there are no queries");
        var data = matrix.Single?.Data ?? Array.ConvertAll(matrix.Double!.Data, x => (float)x);
        var wrong = Array.FindIndex(data, x => !float.IsFinite(x));
        return wrong < 0
            ? new QueryFile(data, matrix.Rows, matrix.Columns)
            : throw new DataFaultException($"{name}, query {wrong / matrix.Columns}: coordinate {wrong % matrix.Columns} is NaN, infinite, or too large for float32");
    }

    /// <summary>Some queries, row after row.</summary>
    public ReadOnlyMemory<float> Slice(int start, int count) => _data.AsMemory(start * _dimension, count * _dimension);
}
