using System.Threading.RateLimiting;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>Bounds how many requests are worked on and how many wait. Health is never refused.</summary>
internal sealed class AdmissionMiddleware(RequestDelegate next, RequestAdmission admission)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<AdminListener>() is not null)
        {
            await next(context);
            return;
        }
        using var lease = await admission.EnterAsync(context.RequestAborted);
        await next(context);
    }
}

/// <summary>Places for requests.</summary>
internal sealed class RequestAdmission(ServerOptions options) : Admission("requests", options.MaxConcurrentRequests, options.RequestQueue);

/// <summary>Places for batches of rows, which hold much memory.</summary>
internal sealed class UploadAdmission(ServerOptions options) : Admission("batches of rows", options.MaxConcurrentUploads, options.UploadQueue);

/// <summary>A bounded number of places and a bounded queue before them, first come first served.</summary>
internal abstract class Admission(string what, int places, int queue) : IDisposable
{
    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = places,
        QueueLimit = queue,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>Waits for a place; disposing the lease gives it back.</summary>
    /// <exception cref="ProblemException">busy: the queue is full.</exception>
    public ValueTask<RateLimitLease> EnterAsync(CancellationToken cancellationToken)
    {
        var entering = _limiter.AcquireAsync(1, cancellationToken);
        return entering is { IsCompletedSuccessfully: true, Result: { IsAcquired: true } lease } ? new(lease) : WaitAsync(entering);
    }

    /// <summary>Those that wait.</summary>
    public long Waiting => _limiter.GetStatistics()?.CurrentQueuedCount ?? 0;

    public void Dispose() => _limiter.Dispose();

    private async ValueTask<RateLimitLease> WaitAsync(ValueTask<RateLimitLease> entering)
    {
        var lease = await entering;
        if (lease.IsAcquired)
            return lease;
        lease.Dispose();
        throw new ProblemException(ProblemCodes.Busy, $"{places} {what} are being worked on and {queue} wait, the most that this server takes");
    }
}
