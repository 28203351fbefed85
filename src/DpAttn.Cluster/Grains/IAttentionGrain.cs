namespace DpAttn.Cluster;

/// <summary>Answers from the silo's cache of released nodes; holds nothing. Keyed by incarnation, as many as there is work for.</summary>
[Alias(WireNames.AttentionGrain)]
internal interface IAttentionGrain : IGrainWithStringKey
{
    /// <summary>Answers queries from a tier. The caller has checked that the account has opened it.</summary>
    [Alias("Answer")]
    Task<AnswerBatch> AnswerAsync(AnswerCommand command, CancellationToken cancellationToken);
}
