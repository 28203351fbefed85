using Parquet;
using Parquet.Schema;

namespace DpAttn.Cli.Files;

/// <summary>Rows in a .parquet file, one row group in memory at a time.</summary>
internal sealed class ParquetRowFile : RowFile
{
    private readonly FileStream _stream;
    private readonly ParquetReader _reader;
    private readonly ParquetColumns _keyColumns;
    private readonly ParquetColumns _valueColumns;
    private readonly RowFileLimits _limits;
    private float[] _keys = [];
    private float[] _values = [];
    private int _keyDimension;
    private int _valueDimension;
    private int _group;
    private long _groupRows;
    private long _groupRow;
    private long _rowsBefore;

    private ParquetRowFile(string name, FileStream stream, ParquetReader reader, RowFileSource source, RowFileLimits limits)
    {
        (Name, _stream, _reader, _limits) = (name, stream, reader, limits);
        var schema = Guard(name, "the schema", () => reader.Schema);
        if (schema.Fields.Count > limits.Columns)
            throw new RowFileException(name, $"there are {schema.Fields.Count} columns; at most {limits.Columns} are allowed");
        _keyColumns = ParquetColumns.Resolve(name, schema, source.KeyColumns, source.KeysName, "--key-columns");
        _valueColumns = ParquetColumns.Resolve(name, schema, source.ValueColumns, source.ValuesName, "--value-columns");
    }

    public override string Name { get; }

    public override int KeyDimension => _keyDimension;

    public override int ValueDimension => _valueDimension;

    public override long Length => _reader.Metadata?.NumRows ?? 0;

    public override long Position => _rowsBefore + _groupRow;

    /// <summary>Opens a file and reads its first row group: how long its lists are stands nowhere else.</summary>
    /// <exception cref="RowFileException">Not such a file.</exception>
    public static async Task<RowFile> OpenAsync(RowFileSource source, RowFileLimits limits, CancellationToken cancellationToken)
    {
        var name = Path.GetFileName(source.Path);
        var stream = RowFiles.OpenRead(source.Path);
        try
        {
            ParquetFooter.Check(stream, name, limits);
            // On a thread of its own: should the library not come back from a footer, the command still ends.
            var reader = await GuardAsync(name, "the footer", () => Task.Run(
                () => ParquetReader.CreateAsync(stream, leaveStreamOpen: true, cancellationToken: cancellationToken), cancellationToken)
                .WaitAsync(limits.FooterTime, cancellationToken)).ConfigureAwait(false);
            var file = new ParquetRowFile(name, stream, reader, source, limits);
            if (!await file.ReadGroupAsync(cancellationToken).ConfigureAwait(false))
                throw new RowFileException(name, "there are no rows");
            RequireDimension(name, "keys", file.KeyDimension, limits);
            RequireDimension(name, "values", file.ValueDimension, limits);
            return file;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public override async ValueTask ReadAsync(RowBlock block, CancellationToken cancellationToken)
    {
        block.Count = 0;
        while (block.Count < block.Capacity)
        {
            if (_groupRow == _groupRows && !await ReadGroupAsync(cancellationToken).ConfigureAwait(false))
                return;
            if (KeyDimension != block.KeyDimension || ValueDimension != block.ValueDimension)
                throw new RowFileException(Name, $"row {_rowsBefore} has a key of {KeyDimension} and a value of {ValueDimension} numbers; the rows before it have {block.KeyDimension} and {block.ValueDimension}");
            CopyRow(_keys, block.Key(block.Count).Span);
            CopyRow(_values, block.Value(block.Count).Span);
            block.Count++;
            _groupRow++;
        }
    }

    protected override void Dispose(bool disposing) => _stream.Dispose();

    private void CopyRow(float[] group, Span<float> to) => group.AsSpan((int)_groupRow * to.Length, to.Length).CopyTo(to);

    /// <summary>Reads the next row group that has rows.</summary>
    private async Task<bool> ReadGroupAsync(CancellationToken cancellationToken)
    {
        _rowsBefore += _groupRows;
        for ((_groupRow, _groupRows) = (0, 0); _group < _reader.RowGroupCount && _groupRows == 0; _group++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var group = Guard(Name, $"row group {_group}", () => _reader.OpenRowGroupReader(_group));
            var rows = group.RowCount;
            if (rows < 0 || rows > _limits.RowGroupNumbers)
                throw new RowFileException(Name, $"row group {_group} announces {rows} rows; 0 to {_limits.RowGroupNumbers} are allowed");
            if (rows == 0)
                continue;
            (_keys, _values) = ([], []); // those before are let go first
            _keys = await ReadColumnsAsync(group, _keyColumns, (int)rows, cancellationToken).ConfigureAwait(false);
            _values = await ReadColumnsAsync(group, _valueColumns, (int)rows, cancellationToken).ConfigureAwait(false);
            (_groupRows, _keyDimension, _valueDimension) = (rows, _keys.Length / (int)rows, _values.Length / (int)rows);
        }
        return _groupRows > 0;
    }

    private async Task<float[]> ReadColumnsAsync(ParquetRowGroupReader group, ParquetColumns columns, int rows, CancellationToken cancellationToken)
    {
        if (columns.IsList)
            return await ReadListsAsync(group, columns.Fields[0], rows, cancellationToken).ConfigureAwait(false);
        var width = columns.Fields.Length;
        if ((long)rows * width > _limits.RowGroupNumbers)
            throw TooMany($"{rows} rows of {width} columns");
        var all = new float[rows * width];
        for (var j = 0; j < width; j++)
        {
            var field = columns.Fields[j];
            var (numbers, _) = await ReadColumnAsync(group, field, cancellationToken).ConfigureAwait(false);
            if (numbers.Length != rows)
                throw new RowFileException(Name, $"row group {_group}, column '{field.Path}': {numbers.Length} numbers for {rows} rows");
            for (var i = 0; i < rows; i++)
                all[i * width + j] = numbers[i];
        }
        return all;
    }

    private async Task<float[]> ReadListsAsync(ParquetRowGroupReader group, DataField field, int rows, CancellationToken cancellationToken)
    {
        var (numbers, repetitions) = await ReadColumnAsync(group, field, cancellationToken).ConfigureAwait(false);
        var width = numbers.Length / rows;
        // A list begins where the repetition level is 0.
        var (row, start) = (-1, 0);
        for (var i = 0; i <= repetitions.Length; i++)
        {
            if (i < repetitions.Length && repetitions[i] != 0)
                continue;
            if (row >= 0 && (i - start != width || width == 0))
                throw new RowFileException(Name, $"row {_rowsBefore + row}, column '{field.Path}': a list of {i - start} numbers among lists of another length");
            (row, start) = (row + 1, i);
        }
        return row == rows
            ? numbers
            : throw new RowFileException(Name, $"row group {_group}, column '{field.Path}': {row} lists for {rows} rows");
    }

    private async Task<(float[] Numbers, int[] Repetitions)> ReadColumnAsync(ParquetRowGroupReader group, DataField field, CancellationToken cancellationToken)
    {
        var where = $"row group {_group}, column '{field.Path}'";
        var count = Guard(Name, where, () => group.GetMetadata(field)?.MetaData?.NumValues) ?? throw new RowFileException(Name, $"{where}: it is not there");
        if (count < 0 || count > _limits.RowGroupNumbers)
            throw TooMany($"{count} numbers in column '{field.Path}'");
        var definitions = field.MaxDefinitionLevel > 0 ? new int[count] : null;
        var repetitions = field.MaxRepetitionLevel > 0 ? new int[count] : null;
        var numbers = await GuardAsync(Name, where, () => ParquetNumbers.ReadAsync(group, field, (int)count, definitions, repetitions, cancellationToken)).ConfigureAwait(false);
        var missing = definitions is null ? -1 : Array.FindIndex(definitions, level => level != field.MaxDefinitionLevel);
        if (missing >= 0)
            throw new RowFileException(Name, $"row {_rowsBefore + (repetitions is null ? missing : repetitions.AsSpan(0, missing + 1).Count(0) - 1)}, column '{field.Path}': a null, or an empty list, where a number is needed");
        return (numbers, repetitions ?? []);
    }

    private RowFileException TooMany(string what) =>
        new(Name, $"row group {_group} holds {what}; at most {_limits.RowGroupNumbers} numbers are read at once. Write the file with smaller row groups");

    /// <summary>A damaged file makes the library fail in many ways; none of its texts is shown, since they may quote the file.</summary>
    private static async Task<T> GuardAsync<T>(string name, string where, Func<Task<T>> read)
    {
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfLibrary(e))
        {
            throw Damaged(name, where, e);
        }
    }

    private static T Guard<T>(string name, string where, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (IsOfLibrary(e))
        {
            throw Damaged(name, where, e);
        }
    }

    private static bool IsOfLibrary(Exception e) => e is not (OperationCanceledException or RowFileException or OutOfMemoryException);

    private static RowFileException Damaged(string name, string where, Exception inner) =>
        new(name, $"{where}: this is not a whole .parquet file, or it uses what cannot be read ({inner.GetType().Name})", inner);
}
