using DpAttn.Attention;
using DpAttn.Attention.IO;

namespace DpAttn.Cli.Files;

/// <summary>Opens a .npy array for reading row by row. Only Fortran order, which has no rows on disk, is held whole.</summary>
internal static class NpyMatrix
{
    public static IMatrixSource Open(string path, RowFileLimits limits)
    {
        var name = Path.GetFileName(path);
        var stream = RowFiles.OpenRead(path);
        try
        {
            return Open(stream, name, limits, () => RowFiles.OpenRead(path));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Takes the stream over when it succeeds.</summary>
    /// <param name="stream">At the beginning of the array.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="limits">Caps.</param>
    /// <param name="reopen">Another stream over the same array.</param>
    public static IMatrixSource Open(Stream stream, string name, RowFileLimits limits, Func<Stream> reopen)
    {
        var header = NpyHeader.Read(stream, name, new NpyLimits { HeaderBytes = limits.HeaderBytes });
        if (!header.Element.IsFloat)
            throw new RowFileException(name, $"dtype {header.Element.Name} where float32 or float64 is needed");
        if (header.FortranOrder && header.Rank == 2)
        {
            using var again = reopen();
            var matrix = Npy.ReadMatrix(again, name, new NpyLimits { HeaderBytes = limits.HeaderBytes, DataBytes = limits.WholeArrayBytes });
            stream.Dispose();
            return new MemoryMatrix(name, matrix);
        }
        if (stream.CanSeek && stream.Length - stream.Position < header.DataBytes)
            throw new RowFileException(name, $"the header announces {header.Describe()} ({header.DataBytes} bytes), but only {stream.Length - stream.Position} bytes follow");
        return new StreamMatrix(stream, name, header.Rows, header.Columns, header.Element.Size == 4 ? NumberKind.Float32 : NumberKind.Float64, header.BigEndian, isWholeStream: true);
    }

    private sealed class MemoryMatrix(string name, FloatMatrix matrix) : IMatrixSource
    {
        private int _row;

        public string Name => name;

        public long Rows => matrix.Rows;

        public int Columns => matrix.Columns;

        public void Read(Span<float> to)
        {
            for (; to.Length > 0; to = to[Columns..], _row++)
            {
                if (matrix.Single is { } single)
                    single.Row(_row).CopyTo(to);
                else
                    Round(matrix.Double!, to[..Columns]);
            }
        }

        public void RequireEnd()
        {
        }

        public void Dispose()
        {
        }

        private void Round(Matrix<double> numbers, Span<float> to)
        {
            var row = numbers.Row(_row);
            for (var j = 0; j < to.Length; j++)
                to[j] = (float)row[j];
        }
    }
}
