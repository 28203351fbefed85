using System.Diagnostics;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The labels of metrics and spans: names of this house, of which there are few.</summary>
internal static class Labels
{
    /// <summary>How an operation failed: a problem's code, or the type of an exception. Left out where it did not.</summary>
    public const string ErrorType = "error.type";

    /// <summary>The value of a label whose store was not found.</summary>
    public const string Unknown = "unknown";

    public const string Mechanism = "dpattn.mechanism";
    public const string Operation = "dpattn.operation";
    public const string Purpose = "dpattn.fanout.purpose";
    public const string Reason = "dpattn.reason";
    public const string ReleaseState = "dpattn.release.state";
    public const string BlobKind = "dpattn.blob.kind";
    public const string Cache = "dpattn.cache";

    public static string Of(RefusalReason reason) => reason switch
    {
        RefusalReason.AccountLimit => "account_limit",
        RefusalReason.StoreLimit => "store_limit",
        RefusalReason.UnknownAccount => "unknown_account",
        RefusalReason.UnknownTier => "unknown_tier",
        RefusalReason.RequestConflict => "request_conflict",
        RefusalReason.LimitBelowSpent => "limit_below_spent",
        _ => throw new UnreachableException(),
    };

    public static string Of(BlobKind kind) => kind switch
    {
        Storage.BlobKind.Segment => "segment",
        Storage.BlobKind.ShardSums => "shard_sums",
        Storage.BlobKind.Node => "node",
        Storage.BlobKind.Manifest => "manifest",
        Storage.BlobKind.Answer => "answer",
        _ => throw new UnreachableException(),
    };

    public static string Of(Exception failure) => failure switch
    {
        ProblemException problem => problem.Code,
        OperationCanceledException => "cancelled",
        _ => failure.GetType().Name,
    };
}

/// <summary>What the ledger is asked to do.</summary>
internal static class LedgerOperations
{
    public const string Open = "open";
    public const string Charge = "charge";
    public const string SetLimit = "set_limit";
}

/// <summary>What all shards are asked for.</summary>
internal static class FanOutPurposes
{
    public const string Publish = "publish";
    public const string Parts = "parts";
    public const string Queries = "queries";
    public const string Forget = "forget";
}
