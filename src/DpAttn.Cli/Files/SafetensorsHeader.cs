using System.Buffers.Binary;
using System.Text.Json;

namespace DpAttn.Cli.Files;

/// <summary>
/// The header of a .safetensors file: 8 bytes of little-endian length, then a JSON object of tensors with dtype, shape and data_offsets,
/// counted from the end of the header. Every number in it is checked against the file before it is used.
/// </summary>
internal sealed class SafetensorsHeader
{
    private readonly string _name;
    private readonly Dictionary<string, JsonElement> _tensors;
    private readonly long _dataStart;
    private readonly long _dataLength;

    private SafetensorsHeader(string name, Dictionary<string, JsonElement> tensors, long dataStart, long dataLength) =>
        (_name, _tensors, _dataStart, _dataLength) = (name, tensors, dataStart, dataLength);

    /// <summary>One tensor: its type, shape and place in the file.</summary>
    public sealed record Tensor(NumberKind Kind, long Rows, long Columns, long Start);

    /// <exception cref="RowFileException">Not such a header.</exception>
    public static SafetensorsHeader Read(Stream stream, string name, RowFileLimits limits)
    {
        Span<byte> lengthBytes = stackalloc byte[8];
        if (stream.ReadAtLeast(lengthBytes, lengthBytes.Length, throwOnEndOfStream: false) < lengthBytes.Length)
            throw new RowFileException(name, "this is not a .safetensors file: it has less than 8 bytes");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (length > (ulong)limits.HeaderBytes)
            throw new RowFileException(name, $"the header announces {length} bytes; at most {limits.HeaderBytes} are allowed");
        if (stream.Length - 8 < (long)length)
            throw new RowFileException(name, $"the header announces {length} bytes, more than the {stream.Length - 8} that follow");
        var text = new byte[length];
        stream.ReadExactly(text);
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new RowFileException(name, "the header is not a JSON object");
            var tensors = document.RootElement.EnumerateObject().Where(property => property.Name != "__metadata__").ToDictionary(property => property.Name, property => property.Value.Clone());
            return new SafetensorsHeader(name, tensors, 8 + (long)length, stream.Length - 8 - (long)length);
        }
        catch (JsonException e)
        {
            throw new RowFileException(name, $"the header is not JSON that can be read (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})", e);
        }
        catch (InvalidOperationException e)
        {
            throw new RowFileException(name, "the header names a tensor in what is not valid Unicode", e);
        }
    }

    /// <exception cref="RowFileException">No such tensor, or one that is no matrix of floats inside the file.</exception>
    public Tensor Find(string tensor)
    {
        if (!_tensors.TryGetValue(tensor, out var entry))
            throw new RowFileException(_name, $"there is no tensor '{tensor}'; there are {_tensors.Count} others. State --keys-name and --values-name");
        var kind = Text(tensor, entry, "dtype") switch
        {
            "F32" => NumberKind.Float32,
            "F64" => NumberKind.Float64,
            "F16" => NumberKind.Float16,
            "BF16" => NumberKind.BFloat16,
            _ => throw Fault(tensor, "its dtype is not supported; F32, F64, F16 and BF16 are"),
        };
        var shape = Numbers(tensor, entry, "shape");
        if (shape.Length is not (1 or 2))
            throw Fault(tensor, $"it has rank {shape.Length}; a vector (rank 1) or a matrix (rank 2) is needed");
        var (rows, columns) = (shape[0], shape.Length == 2 ? shape[1] : 1);
        if (Numbers(tensor, entry, "data_offsets") is not [var start, var end] || start > end || end > _dataLength)
            throw Fault(tensor, $"its data_offsets must be two numbers, ascending and at most {_dataLength}, the bytes that follow the header");
        var size = (UInt128)rows * (UInt128)columns * (UInt128)NumberDecoder.SizeOf(kind);
        return size == (UInt128)(end - start)
            ? new Tensor(kind, rows, columns, _dataStart + start)
            : throw Fault(tensor, $"{rows} x {columns} numbers take {size} bytes, its data_offsets hold {end - start}");
    }

    private string Text(string tensor, JsonElement entry, string property)
    {
        if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty(property, out var value) || value.ValueKind != JsonValueKind.String)
            throw Fault(tensor, $"it has no {property}");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Fault(tensor, $"its {property} is not valid Unicode");
        }
    }

    private long[] Numbers(string tensor, JsonElement entry, string property)
    {
        if (!entry.TryGetProperty(property, out var value) || value.ValueKind != JsonValueKind.Array)
            throw Fault(tensor, $"it has no {property}");
        var numbers = new List<long>();
        foreach (var item in value.EnumerateArray())
            numbers.Add(item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0 ? number : throw Fault(tensor, $"its {property} must be whole numbers of at least 0"));
        return [.. numbers];
    }

    private RowFileException Fault(string tensor, string what) => new(_name, $"tensor '{tensor}': {what}");
}
