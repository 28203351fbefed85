namespace DpAttn.Attention;

/// <summary>The check of rows on their way in, before anything is stored. Summing checks them again, on the very numbers that it sums.</summary>
public static class RowCheck
{
    /// <summary>Refuses rows that a store of a schema could not sum.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="clip">Whether rows out of bounds will be clipped; NaN and infinity are refused all the same.</param>
    /// <param name="cancellationToken">Stops between rows.</param>
    /// <exception cref="RowRejectedException">The first row that breaks the bounds.</exception>
    /// <exception cref="ArgumentException">Dimensions differ from the schema's, or null slots under replace-one.</exception>
    public static void Require(StoreSchema schema, RowSet rows, bool clip = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(rows);
        RequireShape(schema, rows);
        var reader = new RowReader(schema, clip);
        for (var slot = 0; slot < rows.Count; slot++)
        {
            if ((slot & 0xfff) == 0)
                cancellationToken.ThrowIfCancellationRequested();
            reader.Read(rows, slot);
        }
    }

    internal static void RequireShape(StoreSchema schema, RowSet rows)
    {
        if (rows.KeyDimension != schema.KeyDimension || rows.ValueDimension != schema.ValueDimension)
            throw new ArgumentException($"rows have keys of {rows.KeyDimension} and values of {rows.ValueDimension} dimensions; the schema states {schema.KeyDimension} and {schema.ValueDimension}", nameof(rows));
        if (rows.HasNullSlots && schema.Adjacency != Adjacency.AddRemove)
            throw new ArgumentException("null slots exist only under add-remove", nameof(rows));
    }
}
