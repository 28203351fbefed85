using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DpAttn.Attention.IO;

/// <summary>Reads and writes NumPy's .npy format, versions 1.0 to 3.0: vectors and matrices, C and Fortran order, either byte order.</summary>
public static class Npy
{
    // A stream of unknown length grows its array by pieces of this size: a lying header costs no more than what really arrives.
    private const int PieceBytes = 1 << 20;

    /// <summary>Reads a float32 or float64 matrix (a vector is a matrix of one column) and expects the file to end behind it.</summary>
    /// <exception cref="NpyFormatException">Not such a file; the message names it and the fault.</exception>
    public static FloatMatrix ReadMatrix(string path, NpyLimits? limits = null)
    {
        using var stream = Open(path);
        return ReadMatrix(stream, Path.GetFileName(path), limits);
    }

    /// <summary>Reads a float32 or float64 matrix from a stream that ends behind it.</summary>
    /// <param name="stream">The stream, seekable or not.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="limits">Caps, or the default ones.</param>
    /// <exception cref="NpyFormatException">Not such an array.</exception>
    public static FloatMatrix ReadMatrix(Stream stream, string name, NpyLimits? limits = null)
    {
        var header = ReadHeader(stream, name, limits ?? NpyLimits.Default);
        if (!header.Element.IsFloat)
            throw new NpyFormatException(name, $"dtype {header.Element.Name} where float32 or float64 is needed");
        var matrix = header.Element.Size == 4
            ? new FloatMatrix(new Matrix<float>(header.Rows, header.Columns, ReadData<float>(stream, name, header)))
            : new FloatMatrix(new Matrix<double>(header.Rows, header.Columns, ReadData<double>(stream, name, header)));
        RequireEnd(stream, name);
        return matrix;
    }

    /// <summary>Reads a vector of whole numbers (class labels) of any integer type or bool, or floats that are whole numbers.</summary>
    /// <exception cref="NpyFormatException">Not such a vector, or a label outside 32 bits.</exception>
    public static int[] ReadLabels(string path, NpyLimits? limits = null)
    {
        using var stream = Open(path);
        return ReadLabels(stream, Path.GetFileName(path), limits);
    }

    /// <summary>Reads a vector of whole numbers from a stream that ends behind it.</summary>
    /// <exception cref="NpyFormatException">Not such a vector, or a label outside 32 bits.</exception>
    public static int[] ReadLabels(Stream stream, string name, NpyLimits? limits = null)
    {
        var header = ReadHeader(stream, name, limits ?? NpyLimits.Default);
        if (header.Columns != 1)
            throw new NpyFormatException(name, $"labels are a vector; this is {header.Describe()}");
        var labels = (header.Element.Kind, header.Element.Size) switch
        {
            ('i', 1) => ToLabels(ReadData<sbyte>(stream, name, header), name),
            ('i', 2) => ToLabels(ReadData<short>(stream, name, header), name),
            ('i', 4) => ToLabels(ReadData<int>(stream, name, header), name),
            ('i', 8) => ToLabels(ReadData<long>(stream, name, header), name),
            ('u', 1) or ('b', 1) => ToLabels(ReadData<byte>(stream, name, header), name),
            ('u', 2) => ToLabels(ReadData<ushort>(stream, name, header), name),
            ('u', 4) => ToLabels(ReadData<uint>(stream, name, header), name),
            ('u', 8) => ToLabels(ReadData<ulong>(stream, name, header), name),
            ('f', 4) => ToLabels(ReadData<float>(stream, name, header), name),
            _ => ToLabels(ReadData<double>(stream, name, header), name),
        };
        RequireEnd(stream, name);
        return labels;
    }

    /// <summary>Writes a matrix as version 1.0, in C order unless told otherwise.</summary>
    public static void Write(Stream stream, Matrix<float> matrix, bool fortranOrder = false) => WriteMatrix(stream, matrix, NpyElement.Float32, fortranOrder);

    /// <inheritdoc cref="Write(Stream, Matrix{float}, bool)"/>
    public static void Write(Stream stream, Matrix<double> matrix, bool fortranOrder = false) => WriteMatrix(stream, matrix, NpyElement.Float64, fortranOrder);

    /// <summary>Writes a matrix to a file: to a temporary name first, so that a file under the real name is always whole.</summary>
    public static void Write(string path, FloatMatrix matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        var temporary = path + ".partial";
        using (var stream = File.Create(temporary))
        {
            if (matrix.Single is { } single)
                Write(stream, single);
            else
                Write(stream, matrix.Double!);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);

    private static NpyHeader ReadHeader(Stream stream, string name, NpyLimits limits)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var header = NpyHeader.Read(stream, name, limits);
        if (header.Count > Array.MaxLength || header.DataBytes > limits.DataBytes)
            throw new NpyFormatException(name, $"the header announces {header.Describe()} ({header.Count} elements, {header.DataBytes} bytes); at most {Array.MaxLength} elements and {limits.DataBytes} bytes are allowed");
        if (stream.CanSeek && stream.Length - stream.Position < header.DataBytes)
            throw Truncated(name, header, stream.Length - stream.Position);
        return header;
    }

    private static T[] ReadData<T>(Stream stream, string name, NpyHeader header)
        where T : unmanaged
    {
        var count = (int)header.Count;
        var data = stream.CanSeek ? ReadKnown<T>(stream, name, header, count) : ReadGrowing<T>(stream, name, header, count);
        if (header.BigEndian == BitConverter.IsLittleEndian)
            ReverseBytes(data);
        return header.FortranOrder && header.Rank == 2 ? Transpose(data, header.Columns, header.Rows) : data;
    }

    private static T[] ReadKnown<T>(Stream stream, string name, NpyHeader header, int count)
        where T : unmanaged
    {
        var data = GC.AllocateUninitializedArray<T>(count);
        FillFrom(stream, name, header, data, 0);
        return data;
    }

    private static T[] ReadGrowing<T>(Stream stream, string name, NpyHeader header, int count)
        where T : unmanaged
    {
        var piece = PieceBytes / Marshal.SizeOf<T>();
        var data = new T[Math.Min(count, piece)];
        for (var done = 0; done < count;)
        {
            if (done == data.Length)
                Array.Resize(ref data, (int)Math.Min(count, 2L * data.Length));
            var end = Math.Min(data.Length, done + piece);
            FillFrom(stream, name, header, data.AsSpan(done, end - done), done);
            done = end;
        }
        return data;
    }

    private static void FillFrom<T>(Stream stream, string name, NpyHeader header, Span<T> data, long before)
        where T : unmanaged
    {
        // Spans of bytes stop at 2 GiB: longer arrays are filled in pieces.
        const int Piece = 1 << 26;
        for (var start = 0; start < data.Length; start += Piece)
        {
            var bytes = MemoryMarshal.AsBytes(data.Slice(start, Math.Min(Piece, data.Length - start)));
            var got = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (got < bytes.Length)
                throw Truncated(name, header, (before + start) * header.Element.Size + got);
        }
    }

    private static NpyFormatException Truncated(string name, NpyHeader header, long follow) =>
        new(name, $"the header announces {header.Describe()} ({header.DataBytes} bytes), but only {follow} bytes follow");

    private static void RequireEnd(Stream stream, string name)
    {
        if (stream.ReadByte() >= 0)
            throw new NpyFormatException(name, "more bytes follow the array than its header announces");
    }

    private static void ReverseBytes<T>(T[] data)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(data.AsSpan());
        switch (Marshal.SizeOf<T>())
        {
            case 2:
                var shorts = MemoryMarshal.Cast<byte, short>(bytes);
                BinaryPrimitives.ReverseEndianness(shorts, shorts);
                break;
            case 4:
                var ints = MemoryMarshal.Cast<byte, int>(bytes);
                BinaryPrimitives.ReverseEndianness(ints, ints);
                break;
            case 8:
                var longs = MemoryMarshal.Cast<byte, long>(bytes);
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }

    /// <summary>Transposes a row-major rows x columns array, tile by tile so that both sides stay in the cache.</summary>
    private static T[] Transpose<T>(T[] data, int rows, int columns)
        where T : unmanaged
    {
        const int Tile = 32;
        var result = GC.AllocateUninitializedArray<T>(data.Length);
        for (var top = 0; top < rows; top += Tile)
        {
            for (var left = 0; left < columns; left += Tile)
            {
                for (var i = top; i < Math.Min(top + Tile, rows); i++)
                {
                    for (var j = left; j < Math.Min(left + Tile, columns); j++)
                        result[(long)j * rows + i] = data[(long)i * columns + j];
                }
            }
        }
        return result;
    }

    private static int[] ToLabels<T>(T[] data, string name)
        where T : unmanaged, INumber<T>
    {
        var labels = new int[data.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            if (!T.IsInteger(data[i]) || data[i] > T.CreateSaturating(int.MaxValue) || data[i] < T.CreateSaturating(int.MinValue))
                throw new NpyFormatException(name, $"label {i} is not a whole number of 32 bits");
            labels[i] = int.CreateSaturating(data[i]);
        }
        return labels;
    }

    private static void WriteMatrix<T>(Stream stream, Matrix<T> matrix, NpyElement element, bool fortranOrder)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(matrix);
        stream.Write(NpyHeader.Write(element, fortranOrder, [matrix.Rows, matrix.Columns]));
        var data = fortranOrder ? Transpose(matrix.Data, matrix.Rows, matrix.Columns) : matrix.Data;
        const int Piece = 1 << 16;
        for (var start = 0; start < data.Length; start += Piece)
        {
            var piece = data.AsSpan(start, Math.Min(Piece, data.Length - start));
            if (BitConverter.IsLittleEndian)
            {
                stream.Write(MemoryMarshal.AsBytes(piece));
            }
            else
            {
                var swapped = piece.ToArray();
                ReverseBytes(swapped);
                stream.Write(MemoryMarshal.AsBytes(swapped.AsSpan()));
            }
        }
    }
}
