namespace DpAttn.Contracts;

/// <summary>The stable <c>code</c> of a problem (RFC 9457). Texts may change, codes do not.</summary>
public static class ProblemCodes
{
    /// <summary>400: the request breaks a rule; the text names what, where and the bound.</summary>
    public const string InvalidRequest = "invalid_request";

    /// <summary>401: no credential, or one that is unknown, wrong or revoked.</summary>
    public const string Unauthenticated = "unauthenticated";

    /// <summary>403: the credential's role, or its account's grant, does not allow this.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>403: a limit does not admit the charge; never retried.</summary>
    public const string BudgetExhausted = "budget_exhausted";

    /// <summary>404: no such store, release, batch, key or account, as far as the caller may know.</summary>
    public const string NotFound = "not_found";

    /// <summary>409: the name is taken by something else.</summary>
    public const string Conflict = "conflict";

    /// <summary>409: nothing is published yet.</summary>
    public const string NotPublished = "not_published";

    /// <summary>409: the caller has opened no tier that could answer; the problem carries the prices.</summary>
    public const string NotOpened = "not_opened";

    /// <summary>409: the row stands in a release and cannot be erased.</summary>
    public const string RowPublished = "row_published";

    /// <summary>409: the same idempotency key is being worked on.</summary>
    public const string RequestInUse = "request_in_use";

    /// <summary>410: the release was retired.</summary>
    public const string ReleaseRetired = "release_retired";

    /// <summary>410: a stored answer is past its retention; it is never computed anew.</summary>
    public const string AnswerExpired = "answer_expired";

    /// <summary>413: the body, the batch or its dimensions exceed a cap.</summary>
    public const string TooLarge = "too_large";

    /// <summary>422: the idempotency key was used for another body.</summary>
    public const string RequestConflict = "request_conflict";

    /// <summary>429: slow down; see Retry-After.</summary>
    public const string RateLimited = "rate_limited";

    /// <summary>500: a fault of the server; nothing about it is told but the trace id.</summary>
    public const string InternalError = "internal_error";

    /// <summary>503: the ledger cannot be reached or read; nothing was charged.</summary>
    public const string LedgerUnavailable = "ledger_unavailable";

    /// <summary>
    /// 503: the store's ledger is not what it was, and takes no charges until an operator has acknowledged that; not retried by itself. The text says what was
    /// found. What is open keeps being answered.
    /// </summary>
    public const string LedgerClosed = "ledger_closed";

    /// <summary>503: the outcome of a charge is unknown; retry with the same idempotency key only.</summary>
    public const string ChargeUnknown = "charge_unknown";

    /// <summary>503: a shard or the storage behind it cannot be reached.</summary>
    public const string ShardUnavailable = "shard_unavailable";

    /// <summary>503: the storage is full; nothing acknowledged is lost.</summary>
    public const string StorageFull = "storage_full";

    /// <summary>503: a bounded queue is full; see Retry-After.</summary>
    public const string Busy = "busy";
}
