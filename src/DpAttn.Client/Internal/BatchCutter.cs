namespace DpAttn.Client.Internal;

/// <summary>
/// Cuts rows into batches by the dimensions and two caps alone, so that the same rows give the same batches every time. Every batch has
/// arrays of its own: an attempt that was given up may still be sending them.
/// </summary>
internal sealed class BatchCutter(int batchBytes, int batchRows)
{
    private float[] _keys = [];
    private float[] _values = [];
    private int _keyDimension;
    private int _valueDimension;
    private int _rowsPerBatch;
    private int _filled;
    private int _number;
    private long _row;

    /// <summary>Takes a row; returns a batch when that has filled it.</summary>
    /// <exception cref="ArgumentException">A row of other dimensions than the first.</exception>
    public CutBatch? Add(Row row)
    {
        if (_row == 0)
            Start(row);
        else if (row.Key.Length != _keyDimension || row.Value.Length != _valueDimension)
            throw new ArgumentException($"row {_row} has a key of {row.Key.Length} and a value of {row.Value.Length} numbers; the rows before it have {_keyDimension} and {_valueDimension}");
        if (_filled == 0)
            (_keys, _values) = (new float[_rowsPerBatch * _keyDimension], new float[_rowsPerBatch * _valueDimension]);
        row.Key.CopyTo(_keys.AsMemory(_filled * _keyDimension));
        row.Value.CopyTo(_values.AsMemory(_filled * _valueDimension));
        _row++;
        return ++_filled == _rowsPerBatch ? Cut() : null;
    }

    /// <summary>The batch begun, or null.</summary>
    public CutBatch? Finish() => _filled == 0 ? null : Cut();

    private void Start(Row first)
    {
        if (first.Key.IsEmpty || first.Value.IsEmpty)
            throw new ArgumentException($"row 0 has a key of {first.Key.Length} and a value of {first.Value.Length} numbers; both need at least 1");
        (_keyDimension, _valueDimension) = (first.Key.Length, first.Value.Length);
        var rowBytes = sizeof(float) * ((long)_keyDimension + _valueDimension);
        var longest = Array.MaxLength / Math.Max(_keyDimension, _valueDimension);
        _rowsPerBatch = (int)Math.Clamp(batchBytes / rowBytes, 1, Math.Min(batchRows, longest));
    }

    private CutBatch Cut()
    {
        var batch = new CutBatch(_number++, _filled, _keys.AsMemory(0, _filled * _keyDimension), _values.AsMemory(0, _filled * _valueDimension));
        _filled = 0;
        return batch;
    }
}
