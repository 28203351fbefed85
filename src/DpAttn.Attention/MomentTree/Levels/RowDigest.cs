using System.Runtime.InteropServices;

namespace DpAttn.Attention;

/// <summary>
/// A digest of rows for manifests of a process that keeps no segments. It names the rows bit by bit and is not salted: whoever knows all rows but one could check a
/// guess of that one against it, so it is as secret as the rows.
/// </summary>
public static class RowDigest
{
    /// <summary>SHA-256 of the rows in slot order, widened to doubles, null slots as such, and of what becomes of rows out of bounds.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="clip">Whether rows out of bounds are clipped before they are summed.</param>
    public static byte[] Of(RowSet rows, bool clip = false)
    {
        ArgumentNullException.ThrowIfNull(rows);
        using var hash = new CanonicalHash("dpattn rows 1");
        hash.Append(rows.Count);
        hash.Append(rows.KeyDimension);
        hash.Append(rows.ValueDimension);
        hash.Append(clip ? 1 : 0);
        double[] key = new double[rows.KeyDimension], value = new double[rows.ValueDimension];
        for (var slot = 0; slot < rows.Count; slot++)
        {
            hash.Append(rows.IsNull(slot) ? 1 : 0);
            if (rows.IsNull(slot))
                continue;
            rows.CopyTo(slot, key, value);
            hash.Append(MemoryMarshal.Cast<double, long>(key));
            hash.Append(MemoryMarshal.Cast<double, long>(value));
        }
        return hash.Finish();
    }
}
