using DpAttn.Attention;

namespace DpAttn.Auditing;

/// <summary>Two row sets that differ in their first slot: another row (replace-one), or a row and the null row (add-remove).</summary>
/// <param name="First">The first data set.</param>
/// <param name="Second">The second.</param>
public sealed record NeighbourPair(RowSet First, RowSet Second)
{
    /// <summary>A row in one of the two data sets.</summary>
    /// <param name="Key">d numbers.</param>
    /// <param name="Value">dv numbers.</param>
    public sealed record Row(double[] Key, double[] Value);

    /// <summary>A pair.</summary>
    /// <param name="schema">The schema; all other slots hold rows at the keys' centre, of value 0.</param>
    /// <param name="slots">Slots of either data set.</param>
    /// <param name="first">The first slot's row in the first data set.</param>
    /// <param name="second">Its row in the second, or null for the null row.</param>
    public static NeighbourPair Of(StoreSchema schema, int slots, Row first, Row? second)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(first);
        return new NeighbourPair(Rows(schema, slots, first), Rows(schema, slots, second));
    }

    private static RowSet Rows(StoreSchema schema, int slots, Row? row)
    {
        Matrix<double> keys = new(slots, schema.KeyDimension), values = new(slots, schema.ValueDimension);
        for (var slot = 0; slot < slots; slot++)
            schema.Keys.Centre.CopyTo(keys.Row(slot));
        row?.Key.CopyTo(keys.Row(0));
        row?.Value.CopyTo(values.Row(0));
        var isNull = schema.Adjacency == Adjacency.AddRemove ? new bool[slots] : null;
        if (row is null)
            (isNull ?? throw new ArgumentException("under replace-one every slot holds a row", nameof(row)))[0] = true;
        return RowSet.Create(keys, values, isNull);
    }
}
