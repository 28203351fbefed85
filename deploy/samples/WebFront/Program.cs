using System.Net;
using System.Net.Http.Headers;
using DpAttn.Client;

// A web front end inside the trusted network: POST /nearest with {"store": "S", "q": [0.5, 0.1]} answers a query of the caller's, from what the caller has opened.
// A query is in the body and never in an address: addresses are written into logs, here, by proxies and by browsers.
// It holds no key of its own. The caller's travels with every call, and the cluster checks it; this program could not ask for more than the caller may.
var builder = WebApplication.CreateBuilder(args);
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
builder.Services.AddHttpContextAccessor();
builder.Services.AddDpAttentionCluster((services, cluster) =>
{
    var settings = services.GetRequiredService<IConfiguration>();
    cluster.ClusterId = settings["Cluster:Id"] ?? cluster.ClusterId;
    foreach (var gateway in (settings["Cluster:Gateways"] ?? "127.0.0.1:30000").Split(','))
        cluster.Gateways.Add(IPEndPoint.Parse(gateway));
    // A front's certificate, as a secret is mounted; without it only gateways on this machine are asked.
    if (settings["Cluster:Certificates"] is { } directory)
        (cluster.Certificate, cluster.CertificateKey, cluster.Authority) = (Path.Combine(directory, "tls.crt"), Path.Combine(directory, "tls.key"), Path.Combine(directory, "ca.crt"));
    var request = services.GetRequiredService<IHttpContextAccessor>();
    cluster.CredentialProvider = _ => ValueTask.FromResult(KeyOf(request.HttpContext!));
});
var app = builder.Build();

app.MapPost("/nearest", async (Question question, HttpContext context, IDpAttentionClient cluster) =>
{
    if (KeyOf(context).Length == 0)
        return Results.Unauthorized();
    try
    {
        var answer = await cluster.AttendAsync(question.Store, question.Q, cancellationToken: context.RequestAborted);
        return Results.Json(new { value = answer.Outputs[0], give_or_take = answer.NoiseDeviations[0], budget_left = answer.Privacy.Remaining });
    }
    catch (DpAttentionException e) when (e.Problem is { } problem)
    {
        return Results.Json(problem, statusCode: problem.Status);
    }
    catch (ArgumentException)
    {
        return Results.BadRequest("q is a list of numbers, such as [0.5, 0.1]");
    }
});

await app.RunAsync();

static string KeyOf(HttpContext context) =>
    AuthenticationHeaderValue.TryParse(context.Request.Headers.Authorization, out var header) && header is { Scheme: "Bearer", Parameter: { } key } ? key : "";

/// <summary>A query of a store.</summary>
internal sealed record Question(string Store, float[] Q);
