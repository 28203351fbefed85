using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>The audit log.</summary>
internal sealed class AuditEndpoints(FrontDesk desk) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/audit", (Delegate)ListAsync).WithName("listAudit").WithTags("audit")
            .TakesQuery("after", "integer", "The sequence to go on after.")
            .TakesQuery("limit", "integer", $"Lines on a page, 1 to {RequestParameters.LargestLimit}.")
            .Gives<AuditPage>(RequestBody.Json)
            .Gives<AuditLine>(RequestBody.JsonLines, description: "Everything after that sequence, a line each.");

    /// <summary>The audit log</summary>
    /// <remarks>Append-only: keys, grants, publishes, deletions. Page by page; with Accept: application/x-ndjson all of it. Operators only.</remarks>
    public async Task ListAsync(HttpContext context)
    {
        RequestParameters.Allow(context, "after", "limit");
        long? after = RequestParameters.Whole(context, "after", 0, long.MaxValue) ?? 0;
        var limit = RequestParameters.Limit(context);
        if (Negotiation.Select(context, RequestBody.Json, RequestBody.JsonLines) == RequestBody.Json)
        {
            await JsonResponse.WriteAsync(context, await PageAsync(after.Value, limit), DpAttnJson.Default.AuditPage);
            return;
        }
        await JsonResponse.WriteLinesAsync(context, async () =>
        {
            if (after is not { } from)
                return null;
            var page = await PageAsync(from, RequestParameters.LargestLimit);
            after = page.Next;
            return page.Entries;
        }, DpAttnJson.Default.AuditLine);

        Task<AuditPage> PageAsync(long from, int most) =>
            desk.AskAsync(context, (door, caller, token) => door.ListAuditAsync(caller, from, most, token));
    }
}
