using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>Releases: published, watched, grown, retired.</summary>
internal sealed class ReleasesEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/stores/{store}/releases", PublishAsync).WithName("publish").WithTags("releases")
            .Takes<PublishRequest>(RequestBody.Json, isRequired: false)
            .TakesIdempotencyKey("The same key gives the same release.", isRequired: false)
            .Gives<ReleaseDescription>(RequestBody.Json, StatusCodes.Status202Accepted, "Under way; see Location.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.Conflict, ProblemCodes.RequestInUse, ProblemCodes.TooLarge, ProblemCodes.RequestConflict, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapGet("/v1/stores/{store}/releases", ListAsync).WithName("listReleases").WithTags("releases")
            .Gives<IReadOnlyList<ReleaseDescription>>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound);
        routes.MapGet("/v1/stores/{store}/releases/{release}", GetAsync).WithName("getRelease").WithTags("releases")
            .Gives<ReleaseDescription>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound);
        routes.MapPost("/v1/stores/{store}/releases/{release}/blocks", CloseBlockAsync).WithName("closeBlock").WithTags("releases")
            .Takes<CloseBlockRequest>(RequestBody.Json)
            .Gives<ReleaseDescription>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.Conflict, ProblemCodes.ReleaseRetired, ProblemCodes.TooLarge, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapDelete("/v1/stores/{store}/releases/{release}", RetireAsync).WithName("retireRelease").WithTags("releases")
            .Gives(StatusCodes.Status204NoContent, "Retired.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapGet("/v1/stores/{store}/releases/{release}/privacy", GetPrivacyAsync).WithName("getPrivacyStatement").WithTags("releases")
            .Gives<PrivacyStatement>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.NotPublished);
    }

    /// <summary>Publish all rows committed so far</summary>
    /// <remarks>
    /// They are frozen at once; noise is added, and the release persisted, in the background and through restarts. Of a continual store it is the one release, which grows with it: a second one
    /// is refused until the former is retired. Owner only.
    /// </remarks>
    public async Task PublishAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var key = RequestParameters.IdempotencyKey(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.PublishRequest, options.MaxJsonBodyBytes, absent: new PublishRequest());
        var release = await desk.AskAsync(context, (door, caller, token) => door.PublishAsync(caller, store, request, key, token));
        context.Response.Headers.Location = Paths.Release(store, release.Id);
        await JsonResponse.WriteAsync(context, release, DpAttnJson.Default.ReleaseDescription, StatusCodes.Status202Accepted);
    }

    /// <summary>List releases</summary>
    /// <remarks>The newest last. Owner and granted users.</remarks>
    public async Task ListAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var releases = await desk.AskAsync(context, (door, caller, token) => door.ListReleasesAsync(caller, store, token));
        await JsonResponse.WriteAsync(context, releases, DpAttnJson.Default.IReadOnlyListReleaseDescription);
    }

    /// <summary>Show a release</summary>
    /// <remarks>With its state and progress. Owner and granted users.</remarks>
    public async Task GetAsync(string store, string release, HttpContext context)
    {
        RequestParameters.Allow(context);
        var found = await desk.AskAsync(context, (door, caller, token) => door.GetReleaseAsync(caller, store, release, token));
        await JsonResponse.WriteAsync(context, found, DpAttnJson.Default.ReleaseDescription);
    }

    /// <summary>Close the open block of a continual release</summary>
    /// <remarks>A public decision: its nodes are released without waiting for more rows, and the slots that it has left stay empty for ever. A block that is closed stays so. Owner only.</remarks>
    public async Task CloseBlockAsync(string store, string release, HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.CloseBlockRequest, options.MaxJsonBodyBytes);
        var found = await desk.AskAsync(context, (door, caller, token) => door.CloseBlockAsync(caller, store, release, request, token));
        await JsonResponse.WriteAsync(context, found, DpAttnJson.Default.ReleaseDescription);
    }

    /// <summary>Retire a release</summary>
    /// <remarks>It answers no more. What it cost stays spent. Owner only.</remarks>
    public async Task RetireAsync(string store, string release, HttpContext context)
    {
        RequestParameters.Allow(context);
        await desk.TellAsync(context, (door, caller, token) => door.RetireReleaseAsync(caller, store, release, token));
        await JsonResponse.NoContent(context);
    }

    /// <summary>The privacy statement of a release</summary>
    /// <remarks>The machine-readable claim, from which an outsider recomputes epsilon and delta. Owner and granted users.</remarks>
    public async Task GetPrivacyAsync(string store, string release, HttpContext context)
    {
        RequestParameters.Allow(context);
        var statement = await desk.AskAsync(context, (door, caller, token) => door.GetPrivacyStatementAsync(caller, store, release, token));
        await JsonResponse.WriteAsync(context, statement, DpAttnJson.Default.PrivacyStatement);
    }
}
