using System.Collections.Concurrent;

namespace DpAttn.Drills;

/// <summary>A request as it went over the wire.</summary>
internal sealed record Attempt(DateTimeOffset Began, DateTimeOffset Ended, string Outcome);

/// <summary>Writes down how long every request took, each of the SDK's retries by itself.</summary>
internal sealed class Attempts(ConcurrentQueue<Attempt> lines) : DelegatingHandler(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var (began, outcome) = (DateTimeOffset.UtcNow, "given up");
        try
        {
            var response = await base.SendAsync(request, cancellationToken);
            outcome = $"{(int)response.StatusCode}";
            return response;
        }
        catch (HttpRequestException e)
        {
            outcome = $"{e.HttpRequestError}";
            throw;
        }
        finally
        {
            lines.Enqueue(new Attempt(began, DateTimeOffset.UtcNow, outcome));
        }
    }
}
