namespace DpAttn.Attention;

/// <summary>
/// Reads one row into buffers of its own, checks (or clips) it there, and hands on those buffers and nothing else: the row
/// that was checked is the row that is summed.
/// </summary>
internal sealed class RowReader(StoreSchema schema, bool clip)
{
    private readonly double[] _key = new double[schema.KeyDimension];
    private readonly double[] _value = new double[schema.ValueDimension];

    /// <summary>k' = k - c_k of the row last read.</summary>
    public ReadOnlySpan<double> CentredKey => _key;

    /// <summary>v of the row last read.</summary>
    public ReadOnlySpan<double> Value => _value;

    /// <summary>Reads a slot; false for a null one.</summary>
    /// <exception cref="RowRejectedException">NaN, infinity, or out of bounds without clipping.</exception>
    public bool Read(RowSet rows, int slot)
    {
        if (rows.IsNull(slot))
            return false;
        rows.CopyTo(slot, _key, _value);
        var fault = schema.Keys.TryCentre(_key, clip);
        if (fault.Kind != RegionFaultKind.None)
            throw new RowRejectedException("key", slot, schema.Keys.Describe(fault));
        fault = schema.Values.TryCheck(_value, clip);
        if (fault.Kind != RegionFaultKind.None)
            throw new RowRejectedException("value", slot, schema.Values.Describe(fault));
        return true;
    }
}
