using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>Batches of rows as bytes, and back: float32 stays float32.</summary>
internal static class RowContent
{
    public static (BatchShape Shape, byte[] Content) Write(RowBatch rows)
    {
        var shape = new BatchShape(rows.Keys.Rows, rows.Keys.Columns, rows.Keys.Double is not null, rows.Values.Columns, rows.Values.Double is not null, rows.IsNull is not null);
        var content = new byte[shape.Bytes];
        Write(rows.Keys, content);
        Write(rows.Values, content.AsSpan((int)shape.KeyBytes));
        for (var i = 0; i < rows.IsNull?.Length; i++)
            content[shape.KeyBytes + shape.ValueBytes + i] = rows.IsNull[i] ? (byte)1 : (byte)0;
        return (shape, content);
    }

    public static RowBatch Read(BatchShape shape, ReadOnlySpan<byte> content, bool clip)
    {
        var keys = Read(content[..(int)shape.KeyBytes], shape.Rows, shape.KeyColumns, shape.KeysAreDouble);
        var values = Read(content.Slice((int)shape.KeyBytes, (int)shape.ValueBytes), shape.Rows, shape.ValueColumns, shape.ValuesAreDouble);
        bool[]? isNull = null;
        if (shape.HasNulls)
        {
            isNull = new bool[shape.Rows];
            for (var i = 0; i < isNull.Length; i++)
                isNull[i] = content[(int)(shape.KeyBytes + shape.ValueBytes) + i] != 0;
        }
        return new RowBatch(keys, values, isNull, clip);
    }

    private static void Write(FloatMatrix matrix, Span<byte> bytes)
    {
        if (matrix.Double is { } wide)
            Numbers.Write(wide.Data, bytes);
        else
            Numbers.Write(matrix.Single!.Data, bytes);
    }

    private static FloatMatrix Read(ReadOnlySpan<byte> bytes, int rows, int columns, bool isDouble)
    {
        if (isDouble)
        {
            var wide = new double[rows * columns];
            Numbers.Read(bytes, wide);
            return new FloatMatrix(new Matrix<double>(rows, columns, wide));
        }
        var single = new float[rows * columns];
        Numbers.Read(bytes, single);
        return new FloatMatrix(new Matrix<float>(rows, columns, single));
    }
}
