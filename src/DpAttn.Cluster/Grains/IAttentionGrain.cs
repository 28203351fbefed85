namespace DpAttn.Cluster;

/// <summary>Answers from the silo's cache of released nodes, asking a release's coordinator for parts that it misses (distance-tree), or by asking the shards (per-query); holds nothing. Keyed by incarnation, as many as there is work for.</summary>
[Alias(WireNames.AttentionGrain)]
internal interface IAttentionGrain : IGrainWithStringKey
{
    /// <summary>Answers queries from a tier. The caller has checked that the account has opened it.</summary>
    [Alias("Answer")]
    Task<AnswerBatch> AnswerAsync(AnswerCommand command, CancellationToken cancellationToken);

    /// <summary>Charges and answers a per-query request. It goes on when the caller gives up; the same request again gets the same answer at no further cost.</summary>
    [Alias("Ask")]
    Task<AskOutcome> AskAsync(AskCommand command);
}
