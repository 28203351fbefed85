using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>Writes problem details (RFC 9457).</summary>
internal static class ProblemWriter
{
    public const string MediaType = "application/problem+json";

    /// <summary>What a user gives to support and the log has.</summary>
    public static string TraceIdOf(HttpContext context) => Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier;

    /// <summary>Writes a refusal as the whole response; it must not have started.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">What to say.</param>
    /// <param name="status">The status where it is not that of the code.</param>
    public static Task WriteAsync(HttpContext context, ProblemException refusal, int? status = null)
    {
        var kind = ProblemTable.Of(refusal.Code);
        var problem = new Problem
        {
            Type = kind.Type,
            Title = kind.Title,
            Status = status ?? kind.Status,
            Detail = refusal.Message,
            Code = kind.Code,
            Retryable = kind.IsRetryable,
            TraceId = TraceIdOf(context),
            Requested = Finite(refusal.Requested),
            Remaining = Finite(refusal.Remaining),
            ShortBy = Finite(refusal.ShortBy),
            Delta = Finite(refusal.Delta),
            Affordable = refusal.Affordable,
            Prices = refusal.Prices,
        };
        var body = JsonSerializer.SerializeToUtf8Bytes(problem, DpAttnJson.Default.Problem);
        var response = context.Response;
        var allow = response.Headers.Allow;
        response.Clear();
        response.StatusCode = problem.Status;
        response.ContentType = MediaType;
        response.ContentLength = body.Length;
        ResponseHeaders.Protect(response);
        response.Headers.Allow = allow;
        // Whole seconds, rounded up: sooner would be too soon.
        var pause = refusal.RetryAfter is { } wait ? Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)) : (long?)kind.RetryAfterSeconds;
        if (pause is { } seconds)
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (problem.Status == StatusCodes.Status401Unauthorized)
            response.Headers.WWWAuthenticate = Credential.Challenge(context);
        return response.Body.WriteAsync(body, 0, body.Length, CancellationToken.None);
    }

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
