namespace DpAttn.Cluster;

/// <summary>A store's directory: batches, releases, erasure, deletion. Keyed by incarnation. Rows never pass through it.</summary>
[Alias(WireNames.StoreGrain)]
internal interface IStoreGrain : IGrainWithStringKey
{
    /// <summary>Commits a batch whose segments are stored: one transaction, and the batch is durable.</summary>
    [Alias("CommitBatch")]
    Task<BatchReceipt> CommitBatchAsync(BatchCommit commit, CancellationToken cancellationToken);

    /// <summary>Freezes all committed rows as a release and starts its publish.</summary>
    /// <returns>The release's id.</returns>
    [Alias("Publish")]
    Task<string> PublishAsync(PublishCommand command, CancellationToken cancellationToken);

    /// <summary>Closes the open block of a continual release.</summary>
    [Alias("CloseBlock")]
    Task CloseBlockAsync(string release, long block, string actor, CancellationToken cancellationToken);

    /// <summary>Retires a release.</summary>
    [Alias("Retire")]
    Task RetireAsync(string release, string actor, CancellationToken cancellationToken);

    /// <summary>Erases one row of a batch.</summary>
    [Alias("Erase")]
    Task EraseAsync(string batchKey, int row, string actor, CancellationToken cancellationToken);

    /// <summary>Deletes the store.</summary>
    [Alias("Delete")]
    Task DeleteAsync(string actor, CancellationToken cancellationToken);
}
