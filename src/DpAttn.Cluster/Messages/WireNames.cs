namespace DpAttn.Cluster;

/// <summary>
/// The names of everything that crosses between silos. They are the wire contract: a name is never given to anything else, and a changed meaning gets a new name.
/// </summary>
internal static class WireNames
{
    public const string StoreGrain = "dpattn.store";
    public const string ShardGrain = "dpattn.shard";
    public const string CoordinatorGrain = "dpattn.coordinator";
    public const string AttentionGrain = "dpattn.attention";
    public const string BudgetGrain = "dpattn.budget";

    public const string BatchCommit = "dpattn.batch-commit.1";
    public const string BatchReceipt = "dpattn.batch-receipt.1";
    public const string SegmentReference = "dpattn.segment-reference.1";
    public const string PublishCommand = "dpattn.publish-command.1";
    public const string ShardProgress = "dpattn.shard-progress.1";
    public const string LongBlock = "dpattn.long-block.1";
    public const string PartSums = "dpattn.part-sums.1";
    public const string SliceCommand = "dpattn.slice-command.1";
    public const string SegmentSlice = "dpattn.segment-slice.1";
    public const string BlockSumCommand = "dpattn.block-sum-command.1";
    public const string AnswerCommand = "dpattn.answer-command.1";
    public const string AnswerBatch = "dpattn.answer-batch.1";
    public const string AskCommand = "dpattn.ask-command.1";
    public const string AskOutcome = "dpattn.ask-outcome.1";
    public const string QuerySumsCommand = "dpattn.query-sums-command.1";
    public const string OpenCommand = "dpattn.open-command.1";
    public const string ChargeCommand = "dpattn.charge-command.1";
    public const string ChargeOutcome = "dpattn.charge-outcome.1";
    public const string AccountState = "dpattn.account-state.1";
    public const string RecordedRequest = "dpattn.recorded-request.1";
    public const string OpenTier = "dpattn.open-tier.1";
    public const string Problem = "dpattn.problem.1";
}
