using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DpAttn.Gateway;

/// <summary>
/// The numbers of answers as one run of little-endian bytes: outputs, deviations, lower and upper ends (m x dv float64 each), slots covered (m int64, below 0 for none), whether an interval is the whole range (m x dv
/// bytes) and marks (m bytes). Written by the silo, read by the client.
/// </summary>
internal readonly ref struct AnswerContent
{
    private const int Matrices = 4;
    private readonly Span<byte> _bytes;
    private readonly int _queries;
    private readonly int _columns;
    private readonly bool _hasMarks;
    private readonly bool _hasSlots;

    public AnswerContent(Span<byte> bytes, int queries, int columns, bool hasMarks, bool hasSlots)
    {
        if (bytes.Length != BytesOf(queries, columns, hasMarks, hasSlots))
            throw new InvalidDataException($"answers of {queries} x {columns} have {BytesOf(queries, columns, hasMarks, hasSlots)} bytes, not {bytes.Length}");
        _bytes = bytes;
        (_queries, _columns, _hasMarks, _hasSlots) = (queries, columns, hasMarks, hasSlots);
    }

    private int Cells => _queries * _columns;

    private int SlotsAt => Matrices * Cells * sizeof(double);

    private int WholeAt => SlotsAt + (_hasSlots ? _queries * sizeof(long) : 0);

    public static long BytesOf(int queries, int columns, bool hasMarks, bool hasSlots) =>
        (long)queries * columns * (Matrices * sizeof(double) + 1) + (hasSlots ? (long)queries * sizeof(long) : 0) + (hasMarks ? queries : 0);

    public void WriteOutputs(int query, ReadOnlySpan<double> row) => Write(0, query, row);

    public void WriteDeviations(int query, ReadOnlySpan<double> row) => Write(1, query, row);

    public void WriteInterval(int query, int column, double low, double high, bool isWhole)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(At(2, query, column), low);
        BinaryPrimitives.WriteDoubleLittleEndian(At(3, query, column), high);
        _bytes[WholeAt + query * _columns + column] = isWhole ? (byte)1 : (byte)0;
    }

    public void WriteSlots(int query, long? slots)
    {
        if (_hasSlots)
            BinaryPrimitives.WriteInt64LittleEndian(_bytes[(SlotsAt + query * sizeof(long))..], slots ?? -1);
    }

    public void WriteMark(int query, bool? mark)
    {
        if (_hasMarks)
            _bytes[WholeAt + Cells + query] = mark == true ? (byte)1 : (byte)0;
    }

    public double[] ReadOutputs(int query) => Read(0, query);

    public double[] ReadDeviations(int query) => Read(1, query);

    public double[] ReadLow(int query) => Read(2, query);

    public double[] ReadHigh(int query) => Read(3, query);

    public bool IsWhole(int query, int column) => _bytes[WholeAt + query * _columns + column] != 0;

    public long? ReadSlots(int query) => _hasSlots && BinaryPrimitives.ReadInt64LittleEndian(_bytes[(SlotsAt + query * sizeof(long))..]) is >= 0 and var slots ? slots : null;

    public bool? ReadMark(int query) => _hasMarks ? _bytes[WholeAt + Cells + query] != 0 : null;

    private Span<byte> At(int matrix, int query, int column) => _bytes[((matrix * Cells + query * _columns + column) * sizeof(double))..];

    private void Write(int matrix, int query, ReadOnlySpan<double> row)
    {
        var target = At(matrix, query, 0);
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(row).CopyTo(target);
            return;
        }
        for (var j = 0; j < row.Length; j++)
            BinaryPrimitives.WriteDoubleLittleEndian(target[(j * sizeof(double))..], row[j]);
    }

    private double[] Read(int matrix, int query)
    {
        var row = new double[_columns];
        Numbers.Read(At(matrix, query, 0)[..(_columns * sizeof(double))], row);
        return row;
    }
}
