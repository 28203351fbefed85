using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>The digest that binds a request's noise to everything it may meet, so that one noise can never meet two different sums.</summary>
public static class PerQueryManifest
{
    /// <summary>Bytes of a row set's digest.</summary>
    public const int RowSetDigestBytes = 32;

    /// <summary>
    /// SHA-256 over an injective encoding of mechanism, arithmetic and sampler version, parameters, row set, store incarnation, account, request, all different queries, sensitivity and
    /// variance. With the store incarnation's secret it makes the key of the request's noise (<see cref="ReleaseKey.Derive"/>).
    /// </summary>
    /// <param name="plan">The request.</param>
    /// <param name="store">The store incarnation's id.</param>
    /// <param name="rowSetDigest">A collision-resistant digest of exactly the rows that are summed, 32 bytes.</param>
    /// <param name="account">The charged account.</param>
    /// <param name="request">The request's idempotency key.</param>
    /// <exception cref="ArgumentException">No store, a digest of another length, or an id that was never stated.</exception>
    public static byte[] Digest(PerQueryPlan plan, string store, ReadOnlySpan<byte> rowSetDigest, AccountId account, RequestId request)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentException.ThrowIfNullOrEmpty(store);
        if (rowSetDigest.Length != RowSetDigestBytes)
            throw new ArgumentException($"a row set's digest has {RowSetDigestBytes} bytes, not {rowSetDigest.Length}", nameof(rowSetDigest));
        using var hash = new CanonicalHash("dpattn per-query manifest 1");
        hash.Append(PerQueryNoise.Mechanism);
        hash.Append(PerQuerySums.Version);
        hash.Append(KeyedNoise.SamplerVersion);
        hash.Append(plan.Parameters.Fingerprint);
        hash.Append(rowSetDigest);
        hash.Append(store);
        hash.Append(account.Value);
        hash.Append(request.Value);
        hash.Append(plan.Queries.Rows);
        hash.Append(plan.Queries.Columns);
        foreach (var x in plan.Queries.Data)
            hash.Append(x);
        hash.Append(plan.Sensitivity.ToString());
        hash.Append(plan.Variance.ToString());
        return hash.Finish();
    }
}
