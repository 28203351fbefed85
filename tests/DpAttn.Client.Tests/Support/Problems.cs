using System.Net;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

internal static class Problems
{
    public static Problem Of(HttpStatusCode status, string code, bool retryable = false, string detail = "what, where and the bound") => new()
    {
        Type = "urn:dpattn:problem:" + code,
        Title = "A title",
        Status = (int)status,
        Detail = detail,
        Code = code,
        Retryable = retryable,
        TraceId = "trace1",
    };

    public static Problem Exhausted => Of(HttpStatusCode.Forbidden, ProblemCodes.BudgetExhausted, detail: "the limit does not admit tier 2") with
    {
        Requested = 1.25,
        Remaining = 0.5,
        ShortBy = 0.8,
        Delta = 1e-6,
        Affordable = new TierPrice(0, 0.4, 1e-6, "r1"),
    };
}
