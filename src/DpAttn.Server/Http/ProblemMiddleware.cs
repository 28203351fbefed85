using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Telemetry;

namespace DpAttn.Server.Http;

/// <summary>The outermost layer: whatever goes wrong behind it leaves as a problem, and is logged once.</summary>
internal sealed partial class ProblemMiddleware(RequestDelegate next, ServerInstruments instruments, ILogger logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        // The client's own token: those behind replace it by deadlines.
        var client = context.RequestAborted;
        ResponseHeaders.Protect(context.Response);
        try
        {
            await next(context);
            if (context.Response is { StatusCode: >= 400, HasStarted: false, ContentLength: null, ContentType: null } response)
                await WriteAsync(context, FrameworkRefusal(context, response.StatusCode), response.StatusCode);
        }
        catch (Exception) when (client.IsCancellationRequested)
        {
            LogGone(Route(context), ProblemWriter.TraceIdOf(context));
        }
        catch (StatusException refusal)
        {
            await WriteAsync(context, new ProblemException(refusal.Code, refusal.Message), refusal.Status);
        }
        catch (BadHttpRequestException refusal)
        {
            await WriteAsync(context, ProblemTranslator.Translate(refusal, ProblemCodes.ShardUnavailable), refusal.StatusCode);
        }
        catch (Exception exception)
        {
            var storage = context.GetEndpoint()?.Metadata.GetMetadata<StorageProblem>()?.Code ?? ProblemCodes.ShardUnavailable;
            await WriteAsync(context, ProblemTranslator.Translate(exception, storage));
        }
    }

    private async Task WriteAsync(HttpContext context, ProblemException refusal, int? status = null)
    {
        var kind = ProblemTable.Of(refusal.Code);
        var trace = ProblemWriter.TraceIdOf(context);
        instruments.CountRefusal(kind.Code);
        if (kind.Code == ProblemCodes.InternalError)
            LogFault(context.Request.Method, Route(context), trace, Failures.Describe(refusal.InnerException ?? refusal));
        else if (kind.Status >= 500)
            LogUnavailable(kind.Code, context.Request.Method, Route(context), trace, refusal.InnerException is { } cause ? Failures.Describe(cause) : "");
        else
            LogRefusal(status ?? kind.Status, kind.Code, context.Request.Method, Route(context), trace);
        if (context.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            context.Abort();
            return;
        }
        if (kind.Code == ProblemCodes.InternalError)
            refusal = new ProblemException(ProblemCodes.InternalError, ProblemTranslator.InternalDetail);
        await ProblemWriter.WriteAsync(context, refusal, status);
    }

    private static ProblemException FrameworkRefusal(HttpContext context, int status) => new(ProblemTable.CodeOf(status), status switch
    {
        StatusCodes.Status404NotFound => "there is nothing at this path",
        StatusCodes.Status405MethodNotAllowed => $"this path answers {context.Response.Headers.Allow} only",
        _ => "the request was refused",
    });

    // The pattern, not the path: what a caller types into a path is not for the log.
    private static string Route(HttpContext context) => (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(no route)";

    [LoggerMessage(1, LogLevel.Information, "{Status} {Code}: {Method} {Route}, trace {TraceId}")]
    private partial void LogRefusal(int status, string code, string method, string route, string traceId);

    [LoggerMessage(2, LogLevel.Warning, "{Code}: {Method} {Route}, trace {TraceId}: {Cause}")]
    private partial void LogUnavailable(string code, string method, string route, string traceId, string cause);

    [LoggerMessage(3, LogLevel.Error, "Fault in {Method} {Route}, trace {TraceId}: {Fault}")]
    private partial void LogFault(string method, string route, string traceId, string fault);

    [LoggerMessage(4, LogLevel.Debug, "The caller of {Route} went away, trace {TraceId}")]
    private partial void LogGone(string route, string traceId);
}
