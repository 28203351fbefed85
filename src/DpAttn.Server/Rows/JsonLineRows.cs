using System.Buffers;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Http;

namespace DpAttn.Server.Rows;

/// <summary>Rows as JSON lines: { "key": [...], "value": [...] }, or {} for a null slot.</summary>
internal sealed class JsonLineRows : IDisposable
{
    private readonly long _cap;
    private readonly List<bool> _isNull = [];
    private DoubleBuffer _keys;
    private DoubleBuffer _values;
    private int _keyDimension;
    private int _valueDimension;
    private int _nullsBefore;

    private JsonLineRows(long cap) => _cap = cap;

    public static async Task<RowBatch> ReadAsync(HttpContext context, ServerOptions options, Func<Task<(int Keys, int Values)>> dimensions)
    {
        using var rows = new JsonLineRows(options.MaxBodyBytes);
        var reader = context.Request.BodyReader;
        var total = 0L;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            var rest = read.Buffer;
            try
            {
                rows.AddLines(ref rest, read.IsCompleted, options.MaxJsonLineBytes);
                total += read.Buffer.Length - rest.Length;
                if (total + rest.Length > options.MaxBodyBytes)
                    throw RequestBody.TooLarge(options.MaxBodyBytes);
            }
            finally
            {
                // Also when a line is refused: the connection goes on.
                reader.AdvanceTo(rest.Start, rest.End);
            }
            if (read.IsCompleted)
                return await rows.ToBatchAsync(dimensions);
        }
    }

    public void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
    }

    private void AddLines(ref ReadOnlySequence<byte> rest, bool isLast, int longest)
    {
        while (TryTakeLine(ref rest, isLast, out var line))
        {
            if (line.Length > longest)
                throw TooLong(longest);
            Add(line);
        }
        if (rest.Length > longest)
            throw TooLong(longest);
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> rest, bool isLast, out ReadOnlySequence<byte> line)
    {
        if (rest.PositionOf((byte)'\n') is { } end)
        {
            line = rest.Slice(0, end);
            rest = rest.Slice(rest.GetPosition(1, end));
            return true;
        }
        line = rest;
        if (!isLast || rest.IsEmpty)
            return false;
        rest = rest.Slice(rest.End);
        return true;
    }

    private ProblemException TooLong(int longest) =>
        new(ProblemCodes.TooLarge, $"row {_isNull.Count}: its line has more than {longest} bytes");

    private void Add(in ReadOnlySequence<byte> line)
    {
        // An empty line stands for nothing, least of all for a slot.
        if (IsBlank(line))
            return;
        var reader = line.IsSingleSegment ? new Utf8JsonReader(line.FirstSpan) : new Utf8JsonReader(line);
        try
        {
            Add(ref reader);
        }
        catch (JsonException e)
        {
            throw JsonFault.Of(e, $"row {_isNull.Count}: ");
        }
        if ((long)(_keys.Count + _values.Count) * sizeof(double) > _cap)
            throw TooMuch();
    }

    private void Add(ref Utf8JsonReader reader)
    {
        var row = _isNull.Count;
        var place = new NumberPlace("$", Row: row);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw place.Fault("an object is needed here");
        int keys = 0, values = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (keys == 0 && JsonText.Is(ref reader, "key"u8, place))
            {
                reader.Read();
                keys = NumberArray.Read(ref reader, ref _keys, new("$.key", Row: row));
            }
            else if (values == 0 && JsonText.Is(ref reader, "value"u8, place))
            {
                reader.Read();
                values = NumberArray.Read(ref reader, ref _values, new("$.value", Row: row));
            }
            else
            {
                throw place.Fault($"'{JsonFault.Printable(JsonText.Get(ref reader, place))}' is no member here or stands twice; key and value are members");
            }
        }
        while (reader.Read())
        {
        }
        if ((keys == 0) != (values == 0))
            throw place.Fault($"'{(keys == 0 ? "key" : "value")}' is missing; a null slot has neither");
        if (keys == 0)
            AddNull();
        else
            AddRow(row, keys, values);
    }

    private void AddRow(int row, int keys, int values)
    {
        if (_keyDimension == 0)
            (_keyDimension, _valueDimension) = (keys, values);
        Require(new("$.key", Row: row), keys, _keyDimension);
        Require(new("$.value", Row: row), values, _valueDimension);
        _isNull.Add(false);
    }

    private void AddNull()
    {
        if (_keyDimension == 0)
            _nullsBefore++;
        _keys.AddZeros(_keyDimension);
        _values.AddZeros(_valueDimension);
        _isNull.Add(true);
    }

    private static void Require(NumberPlace place, int count, int dimension)
    {
        if (count != dimension)
            throw place.Fault($"it has {count} numbers where the first row has {dimension}");
    }

    private ProblemException TooMuch() =>
        new(ProblemCodes.TooLarge, $"the numbers of the batch's first {_isNull.Count} rows take more than {_cap} bytes");

    private async Task<RowBatch> ToBatchAsync(Func<Task<(int Keys, int Values)>> dimensions)
    {
        if (_isNull.Count == 0)
            throw RequestParameters.Refuse("the body has no lines; a batch needs at least one row");
        if (_keyDimension == 0)
            (_keyDimension, _valueDimension) = await dimensions();
        if ((long)_isNull.Count * (_keyDimension + _valueDimension) * sizeof(double) > _cap)
            throw TooMuch();
        return new RowBatch(
            ToMatrix(_keys, _keyDimension),
            ToMatrix(_values, _valueDimension),
            _isNull.Contains(true) ? [.. _isNull] : null);
    }

    // Null slots before the first row had no known width yet: they are the zeros in front.
    private FloatMatrix ToMatrix(in DoubleBuffer numbers, int dimension)
    {
        var data = new double[_isNull.Count * dimension];
        numbers.CopyTo(data.AsSpan(_nullsBefore * dimension));
        return new FloatMatrix(new Matrix<double>(_isNull.Count, dimension, data));
    }

    private static bool IsBlank(in ReadOnlySequence<byte> line)
    {
        foreach (var piece in line)
        {
            if (piece.Span.ContainsAnyExcept((byte)' ', (byte)'\t', (byte)'\r'))
                return false;
        }
        return true;
    }
}
