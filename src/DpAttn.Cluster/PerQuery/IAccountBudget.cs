namespace DpAttn.Cluster;

/// <summary>How a per-query request reaches its account's budget.</summary>
internal interface IAccountBudget
{
    /// <summary>What the request was recorded for, or null.</summary>
    Task<RecordedRequest?> FindAsync(CancellationToken cancellationToken);

    /// <summary>Charges the request, durable when it returns.</summary>
    Task<ChargeOutcome> ChargeAsync(long muSquared, long slack, CancellationToken cancellationToken);
}

/// <summary>How a per-query request reaches the shards.</summary>
internal interface IShardQueries
{
    /// <summary>A shard's exact sums of exactly a row set.</summary>
    /// <exception cref="ProblemException"><see cref="RowsChanged"/>, busy or shard_unavailable.</exception>
    Task<LongBlock> SumAsync(int shard, QuerySumsCommand command, CancellationToken cancellationToken);

    /// <summary>The code, between silos only, of a row set that rows were erased from since.</summary>
    const string RowsChanged = "rows_changed";
}
