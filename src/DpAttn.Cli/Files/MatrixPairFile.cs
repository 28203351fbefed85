namespace DpAttn.Cli.Files;

/// <summary>Rows as two matrices, of keys and of values: .npy pairs, .npz archives, .safetensors files.</summary>
internal sealed class MatrixPairFile : RowFile
{
    private readonly IMatrixSource _keys;
    private readonly IMatrixSource _values;
    private long _row;

    /// <summary>Takes both over when it succeeds.</summary>
    /// <exception cref="RowFileException">Different numbers of rows, none, or dimensions that no store has.</exception>
    public MatrixPairFile(string name, IMatrixSource keys, IMatrixSource values, RowFileLimits limits)
    {
        if (keys.Rows != values.Rows)
            throw new RowFileException(name, $"{keys.Rows} keys but {values.Rows} values: every row needs both");
        RequireDimension(keys.Name, "keys", keys.Columns, limits);
        RequireDimension(values.Name, "values", values.Columns, limits);
        if (keys.Rows == 0)
            throw new RowFileException(name, "there are no rows");
        (Name, _keys, _values) = (name, keys, values);
    }

    public override string Name { get; }

    public override int KeyDimension => _keys.Columns;

    public override int ValueDimension => _values.Columns;

    public override long Length => _keys.Rows;

    public override long Position => _row;

    public override ValueTask ReadAsync(RowBlock block, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        block.Count = (int)Math.Min(block.Capacity, _keys.Rows - _row);
        if (block.Count == 0)
        {
            _keys.RequireEnd();
            _values.RequireEnd();
            return ValueTask.CompletedTask;
        }
        _keys.Read(block.Keys(block.Count));
        _values.Read(block.Values(block.Count));
        _row += block.Count;
        return ValueTask.CompletedTask;
    }

    protected override void Dispose(bool disposing)
    {
        _keys.Dispose();
        _values.Dispose();
    }

    /// <summary>Opens both, and closes what was opened when something fails.</summary>
    public static MatrixPairFile Open(string name, Func<IMatrixSource> openKeys, Func<IMatrixSource> openValues, RowFileLimits limits)
    {
        IMatrixSource? keys = null, values = null;
        try
        {
            keys = openKeys();
            values = openValues();
            return new MatrixPairFile(name, keys, values, limits);
        }
        catch
        {
            keys?.Dispose();
            values?.Dispose();
            throw;
        }
    }
}
