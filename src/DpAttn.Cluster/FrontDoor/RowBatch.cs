using DpAttn.Attention;
using DpAttn.Attention.IO;

namespace DpAttn.Cluster;

/// <summary>Rows on their way in, float32 or float64 as they came.</summary>
/// <param name="Keys">n x d.</param>
/// <param name="Values">n x dv.</param>
/// <param name="IsNull">Which slots are null (add-remove only), or null for none.</param>
/// <param name="Clip">Whether rows out of bounds are moved to the nearest point inside when they are summed; they are stored as they came.</param>
public sealed record RowBatch(FloatMatrix Keys, FloatMatrix Values, bool[]? IsNull = null, bool Clip = false)
{
    /// <summary>The rows, without copying them.</summary>
    public RowSet ToRows() => FloatMatrix.ToRows(Keys, Values, IsNull);
}
