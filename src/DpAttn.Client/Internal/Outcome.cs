using System.Net;
using DpAttn.Contracts;

namespace DpAttn.Client.Internal;

/// <summary>How one attempt ended.</summary>
internal sealed class Outcome
{
    private readonly HttpStatusCode? _status;
    private readonly Problem? _problem;
    private readonly string _failure = "";
    private readonly Exception? _cause;

    private Outcome(HttpStatusCode? status, Problem? problem, string failure, Exception? cause) =>
        (_status, _problem, _failure, _cause) = (status, problem, failure, cause);

    /// <summary>The answer; null unless it is a success.</summary>
    public Reply? Success { get; private init; }

    /// <summary>Whether the same call may succeed when it is sent again.</summary>
    public bool IsTransient { get; private init; }

    /// <summary>Whether the server may have done what was asked, and may still be at it.</summary>
    public bool IsUnknown => Success is null && (_status is null || _problem?.Code == ProblemCodes.ChargeUnknown || _status is HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout);

    /// <summary>409: the key is being worked on. After an attempt of unknown outcome that is this call's own attempt, and its answer can be waited for.</summary>
    public bool IsOwnKeyInUse => _status == HttpStatusCode.Conflict && _problem?.Code == ProblemCodes.RequestInUse;

    /// <summary>How long the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; private init; }

    public static Outcome Succeeded(Reply reply) => new(reply.Status, null, "", null) { Success = reply };

    public static Outcome TimedOut(TimeSpan timeout, Exception cause, bool isTransient) =>
        new(null, null, $"no answer within Timeout ({timeout.TotalSeconds} s)", cause) { IsTransient = isTransient };

    public static Outcome Unreachable(Uri endpoint, Exception cause, bool isTransient) =>
        new(null, null, $"{endpoint.GetLeftPart(UriPartial.Authority)} cannot be reached, or the connection broke: {Text.Clean(cause.Message)}", cause) { IsTransient = isTransient };

    /// <summary>A status of 408, 429, 502, 503 or 504 is transient, unless the server says otherwise or the budget refused; no other is.</summary>
    public static Outcome Refused(HttpStatusCode status, Problem? problem, TimeSpan? retryAfter) => new(status, problem, "", null)
    {
        RetryAfter = retryAfter,
        IsTransient = (int)status is 408 or 429 or 502 or 503 or 504 && problem is not { Retryable: false } && !Problems.IsBudgetRefusal(problem),
    };

    public DpAttentionException ToException(Call call, string attempts) => _status is { } status
        ? Problems.ToException(call, status, _problem, attempts)
        : new DpAttentionException($"{call.What}: {_failure}{attempts}", null, _cause) { IdempotencyKey = call.Key };
}
