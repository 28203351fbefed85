using System.Collections.Frozen;
using System.Net;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Client.Internal;

/// <summary>What a problem is to a caller over HTTP, for callers over a gateway: they are told the same.</summary>
internal static class ProblemRules
{
    private static readonly FrozenDictionary<string, (int Status, int RetryAfter)> Known = new Dictionary<string, (int Status, int RetryAfter)>
    {
        [ProblemCodes.InvalidRequest] = (400, 0),
        [ProblemCodes.Unauthenticated] = (401, 0),
        [ProblemCodes.Forbidden] = (403, 0),
        [ProblemCodes.BudgetExhausted] = (403, 0),
        [ProblemCodes.NotFound] = (404, 0),
        [ProblemCodes.Conflict] = (409, 0),
        [ProblemCodes.NotPublished] = (409, 0),
        [ProblemCodes.NotOpened] = (409, 0),
        [ProblemCodes.RowPublished] = (409, 0),
        [ProblemCodes.RequestInUse] = (409, 1),
        [ProblemCodes.ReleaseRetired] = (410, 0),
        [ProblemCodes.AnswerExpired] = (410, 0),
        [ProblemCodes.TooLarge] = (413, 0),
        [ProblemCodes.RequestConflict] = (422, 0),
        [ProblemCodes.RateLimited] = (429, 1),
        [ProblemCodes.InternalError] = (500, 0),
        [ProblemCodes.LedgerUnavailable] = (503, 2),
        [ProblemCodes.LedgerClosed] = (503, 0),
        [ProblemCodes.ChargeUnknown] = (503, 1),
        [ProblemCodes.ShardUnavailable] = (503, 2),
        [ProblemCodes.StorageFull] = (503, 30),
        [ProblemCodes.Busy] = (503, 1),
    }.ToFrozenDictionary();

    /// <summary>The codes, with their status, and the seconds before a retry; 0 for none.</summary>
    public static IReadOnlyDictionary<string, (int Status, int RetryAfter)> All => Known;

    /// <summary>How an attempt ended that the cluster refused.</summary>
    public static Outcome ToOutcome(ProblemReport report)
    {
        var (status, wait) = Known.GetValueOrDefault(report.Code, Known[ProblemCodes.InternalError]);
        var problem = new Problem
        {
            Type = $"urn:dpattn:problem:{report.Code}",
            Title = report.Code,
            Status = status,
            Detail = report.Detail,
            Code = report.Code,
            Retryable = wait > 0,
            TraceId = System.Diagnostics.Activity.Current?.TraceId.ToString() ?? "none",
            Requested = report.Requested,
            Remaining = report.Remaining,
            ShortBy = report.ShortBy,
            Delta = report.Delta,
            Affordable = report.Affordable,
            Prices = report.Prices,
        };
        return Outcome.Refused((HttpStatusCode)status, problem, report.RetryAfter ?? (wait > 0 ? TimeSpan.FromSeconds(wait) : null));
    }
}
