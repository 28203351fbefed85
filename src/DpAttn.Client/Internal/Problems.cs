using System.Net;
using System.Text.Json;
using DpAttn.Contracts;

namespace DpAttn.Client.Internal;

/// <summary>Reads problem details, from servers and from whatever stands in front of them.</summary>
internal static class Problems
{
    /// <summary>The longest problem that is read.</summary>
    public const int LongestBody = 64 * 1024;

    /// <summary>The problem in a body, its texts fit to be shown; null when there is none.</summary>
    public static Problem? Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            var problem = JsonSerializer.Deserialize(body, WireJson.Default.Problem);
            return problem is null
                ? null
                : problem with
                {
                    Code = Text.Clean(problem.Code),
                    Detail = Text.Clean(problem.Detail),
                    Title = Text.Clean(problem.Title),
                    TraceId = Text.Clean(problem.TraceId),
                    Type = Text.Clean(problem.Type),
                };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static bool IsBudgetRefusal(Problem? problem) => problem?.Code == ProblemCodes.BudgetExhausted;

    /// <summary>The exception of a refusal.</summary>
    public static DpAttentionException ToException(Call call, HttpStatusCode status, Problem? problem, string attempts) =>
        IsBudgetRefusal(problem)
            ? new PrivacyBudgetExceededException(problem!) { Status = status, IdempotencyKey = call.Key }
            : new DpAttentionException(Describe(call, status, problem) + attempts, problem) { Status = status, IdempotencyKey = call.Key };

    private static string Describe(Call call, HttpStatusCode status, Problem? problem) =>
        problem is null
            ? $"{call.What}: the server answered {(int)status} {status} without a problem that this client understands{Hint(status)}"
            : $"{call.What}: {problem.Detail} ({(int)status} {problem.Code}, trace {problem.TraceId})";

    private static string Hint(HttpStatusCode status) => (int)status switch
    {
        >= 300 and < 400 => "; redirects are not followed, set Endpoint to the address that it leads to",
        404 => "; is Endpoint the address of a DpAttn server?",
        _ => "",
    };
}
