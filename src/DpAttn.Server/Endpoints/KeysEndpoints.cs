using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>API keys: made, listed, revoked.</summary>
internal sealed class KeysEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/keys", (Delegate)CreateAsync).WithName("createKey").WithTags("keys")
            .Takes<KeyRequest>(RequestBody.Json)
            .Gives<KeyCreated>(RequestBody.Json, StatusCodes.Status201Created, "The only time that the key is shown.")
            .Fails(ProblemCodes.TooLarge, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapGet("/v1/keys", (Delegate)ListAsync).WithName("listKeys").WithTags("keys")
            .Gives<KeyList>(RequestBody.Json);
        routes.MapDelete("/v1/keys/{id}", RevokeAsync).WithName("revokeKey").WithTags("keys")
            .Gives(StatusCodes.Status204NoContent, "Revoked, within 5 s everywhere.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
    }

    /// <summary>Make an API key</summary>
    /// <remarks>It is shown this once. All keys of one subject are one account. Operators make any, owners those of users.</remarks>
    public async Task CreateAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.KeyRequest, options.MaxJsonBodyBytes);
        var key = await desk.AskAsync(context, (door, caller, token) => door.CreateKeyAsync(caller, request, token));
        context.Response.Headers.Location = Paths.Key(key.Id);
        await JsonResponse.WriteAsync(context, key, DpAttnJson.Default.KeyCreated, StatusCodes.Status201Created);
    }

    /// <summary>List the keys that the caller may revoke</summary>
    /// <remarks>By their ids; secrets are not kept. Operators and owners.</remarks>
    public async Task ListAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var keys = await desk.AskAsync(context, (door, caller, token) => door.ListKeysAsync(caller, token));
        await JsonResponse.WriteAsync(context, keys, DpAttnJson.Default.KeyList);
    }

    /// <summary>Revoke a key</summary>
    /// <remarks>For ever. Repeating it changes nothing. Operators and owners.</remarks>
    public async Task RevokeAsync(string id, HttpContext context)
    {
        RequestParameters.Allow(context);
        await desk.TellAsync(context, (door, caller, token) => door.RevokeKeyAsync(caller, id, token));
        await JsonResponse.NoContent(context);
    }
}
