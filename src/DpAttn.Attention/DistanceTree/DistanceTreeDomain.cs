namespace DpAttn.Attention;

/// <summary>What the regions of keys and queries allow, measured from the origin: the distance-tree's features are not centred.</summary>
internal static class DistanceTreeDomain
{
    /// <summary>The range of scale &lt;q, k&gt;, rounded outwards.</summary>
    /// <exception cref="ArgumentException">It leaves +-64.</exception>
    public static (double Lowest, double Largest) Exponents(StoreSchema schema)
    {
        if (!schema.Keys.IsBox || !schema.Queries.IsBox)
            return Rounded(schema, -1, 1, Math.Sqrt(LargestSquare(schema.Keys)) * Math.Sqrt(LargestSquare(schema.Queries)));
        double low = 0, high = 0;
        for (var j = 0; j < schema.KeyDimension; j++)
        {
            double kl = schema.Keys.Low[j], kh = schema.Keys.High[j], ql = schema.Queries.Low[j], qh = schema.Queries.High[j];
            low += Math.Min(Math.Min(kl * ql, kl * qh), Math.Min(kh * ql, kh * qh));
            high += Math.Max(Math.Max(kl * ql, kl * qh), Math.Max(kh * ql, kh * qh));
        }
        return Rounded(schema, low, high, 1);
    }

    /// <summary>The same for one query.</summary>
    public static (double Lowest, double Largest) Exponents(StoreSchema schema, ReadOnlySpan<double> query)
    {
        double low = 0, high = 0;
        for (var j = 0; j < query.Length; j++)
        {
            var (kl, kh) = schema.Keys.IsBox ? (schema.Keys.Low[j] * query[j], schema.Keys.High[j] * query[j]) : (0, query[j] * query[j]);
            low += Math.Min(kl, kh);
            high += Math.Max(kl, kh);
        }
        return schema.Keys.IsBox ? Rounded(schema, low, high, 1) : Rounded(schema, -1, 1, Math.Sqrt(high) * schema.Keys.BoundingRadius);
    }

    private static (double Lowest, double Largest) Rounded(StoreSchema schema, double low, double high, double factor)
    {
        low *= schema.Scale * factor;
        high *= schema.Scale * factor;
        var largest = Math.Max(Math.Abs(low), Math.Abs(high));
        if (!(largest <= KernelPolynomial.LargestInterval))
            throw new ArgumentException($"scale <q, k> reaches {largest:G6}; it must stay within {KernelPolynomial.LargestInterval}", nameof(schema));
        var margin = 1e-12 * (1 + largest);
        return (low == 0 ? 0 : low - margin, high + margin);
    }

    /// <summary>The largest |x|^2.</summary>
    public static double LargestSquare(Region region)
    {
        if (!region.IsBox)
            return region.BoundingRadius * region.BoundingRadius;
        double sum = 0;
        for (var j = 0; j < region.Dimension; j++)
            sum += Math.Max(region.Low[j] * region.Low[j], region.High[j] * region.High[j]);
        return sum;
    }

    /// <summary>Refuses a ball off the origin.</summary>
    public static void RequireUncentred(Region region, string what)
    {
        if (region.IsBox)
            return;
        foreach (var c in region.Centre)
        {
            if (c != 0)
                throw new ArgumentException($"{what} of a distance-tree lie in a box, or in a ball around the origin: its features are not centred");
        }
    }
}
