using System.Globalization;
using Sylvan.Data.Csv;

namespace DpAttn.Cli.Files;

/// <summary>Rows in a .csv file: numbers with a decimal point, whatever the machine's culture. The separator is found from the first line.</summary>
internal sealed class CsvRowFile : RowFile
{
    private readonly FileStream _stream;
    private readonly CsvDataReader _reader;
    private readonly RowFileLimits _limits;
    private readonly string[]? _names;
    private readonly int[] _keys;
    private readonly int[] _values;
    private long _line;
    private bool _hasRecord;
    private bool _hasRows;

    private CsvRowFile(string name, FileStream stream, CsvDataReader reader, RowFileSource source, RowFileLimits limits)
    {
        (Name, _stream, _reader, _limits) = (name, stream, reader, limits);
        // The reader is told of no header: every line is a record then, and lines can be counted.
        _hasRecord = Advance();
        if (!_hasRecord)
            throw new RowFileException(name, "the file is empty");
        if (reader.FieldCount > limits.Columns)
            throw new RowFileException(name, $"there are {reader.FieldCount} columns; at most {limits.Columns} are allowed");
        if (source.HasHeader)
        {
            _names = [.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetFieldSpan(i).Trim().ToString())];
            _hasRecord = Advance();
        }
        _keys = source.RequireKeyColumns().Resolve(name, _names, reader.FieldCount);
        _values = source.RequireValueColumns().Resolve(name, _names, reader.FieldCount);
        RequireDimension(name, "keys", _keys.Length, limits);
        RequireDimension(name, "values", _values.Length, limits);
    }

    public override string Name { get; }

    public override int KeyDimension => _keys.Length;

    public override int ValueDimension => _values.Length;

    public override long Length => _stream.Length;

    public override long Position => _stream.Position;

    /// <exception cref="RowFileException">Not a table with these columns.</exception>
    public static CsvRowFile Open(RowFileSource source, RowFileLimits limits)
    {
        var name = Path.GetFileName(source.Path);
        var stream = RowFiles.OpenRead(source.Path);
        try
        {
            var options = new CsvDataReaderOptions
            {
                BufferSize = Math.Min(1 << 16, limits.RecordCharacters),
                Comment = '\0', // a line that is passed over silently would be a row lost silently
                Culture = CultureInfo.InvariantCulture,
                HasHeaders = false,
                MaxBufferSize = limits.RecordCharacters,
                OwnsReader = true,
            };
            return new CsvRowFile(name, stream, CsvDataReader.Create(new StreamReader(stream), options), source, limits);
        }
        catch (CsvRecordTooLargeException e)
        {
            stream.Dispose();
            throw TooLong(name, 1, limits.RecordCharacters, e);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public override ValueTask ReadAsync(RowBlock block, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        for (block.Count = 0; block.Count < block.Capacity && _hasRecord; _hasRecord = Advance())
        {
            if (_reader.RowFieldCount != _reader.FieldCount)
                throw Fault($"there are {_reader.RowFieldCount} fields where the first line has {_reader.FieldCount}");
            Parse(_keys, block.Key(block.Count).Span);
            Parse(_values, block.Value(block.Count).Span);
            block.Count++;
        }
        _hasRows |= block.Count > 0;
        if (!_hasRows)
            throw new RowFileException(Name, "there are no rows");
        return ValueTask.CompletedTask;
    }

    protected override void Dispose(bool disposing) => _reader.Dispose();

    /// <summary>The next record that is not an empty line.</summary>
    private bool Advance()
    {
        try
        {
            while (true)
            {
                _line += LinesOfRecord();
                if (!_reader.Read())
                    return false;
                if (_reader.RowFieldCount > 1 || !_reader.GetRawRecordSpan().IsWhiteSpace())
                    return true;
            }
        }
        catch (CsvRecordTooLargeException e)
        {
            throw TooLong(Name, _line, _limits.RecordCharacters, e);
        }
        catch (Exception e) when (e is CsvFormatException or CsvConfigurationException or FormatException)
        {
            throw new RowFileException(Name, $"line {_line}: a quotation mark opens or closes where it should not", e);
        }
    }

    private long LinesOfRecord() => _line == 0 ? 1 : Math.Max(1, _reader.GetRawRecordSpan().Count('\n'));

    private void Parse(int[] columns, Span<float> to)
    {
        for (var j = 0; j < columns.Length; j++)
        {
            var text = _reader.GetFieldSpan(columns[j]);
            if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out to[j]))
                throw Fault($"column {Describe(columns[j])}: {(text.IsWhiteSpace() ? "there is no number" : "this is not a number (digits, a decimal point, an exponent)")}");
            if (!float.IsFinite(to[j]))
                throw Fault($"column {Describe(columns[j])}: NaN, infinite, or too large for float32");
        }
    }

    private string Describe(int column) => _names is null ? $"{column}" : $"'{_names[column]}'";

    private RowFileException Fault(string what) => new(Name, $"line {_line}, {what}");

    private static RowFileException TooLong(string name, long line, int most, Exception inner) =>
        new(name, $"line {line} begins a record of more than {most} characters", inner);
}
