namespace DpAttn.Attention;

/// <summary>A query that breaks the store's public bounds. The message names the query and the bound, never a number of the query.</summary>
public sealed class QueryRejectedException : ArgumentException
{
    internal QueryRejectedException(long query, string message)
        : base($"query {query}: {message}")
    {
        Query = query;
    }

    /// <summary>Refuses a query with a fault.</summary>
    internal static void ThrowIf(RegionFault fault, Region region, long query)
    {
        if (fault.Kind != RegionFaultKind.None)
            throw new QueryRejectedException(query, region.Describe(fault));
    }

    /// <summary>The query's number in its batch, counted from 0.</summary>
    public long Query { get; }
}
