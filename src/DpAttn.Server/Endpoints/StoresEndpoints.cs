using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>Stores: made, shown, deleted.</summary>
internal sealed class StoresEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/v1/stores/{store}", PutAsync).WithName("ensureStore").WithTags("stores")
            .Takes<StoreDefinition>(RequestBody.Json)
            .Gives<StoreDescription>(RequestBody.Json, StatusCodes.Status200OK, "The same store was there.")
            .Gives<StoreDescription>(RequestBody.Json, StatusCodes.Status201Created, "Made.")
            .Fails(ProblemCodes.Conflict, ProblemCodes.TooLarge, ProblemCodes.LedgerClosed, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapGet("/v1/stores/{store}", GetAsync).WithName("getStore").WithTags("stores")
            .Gives<StoreDescription>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound);
        routes.MapGet("/v1/stores", (Delegate)ListAsync).WithName("listStores").WithTags("stores")
            .Gives<IReadOnlyList<StoreDescription>>(RequestBody.Json);
        routes.MapDelete("/v1/stores/{store}", DeleteAsync).WithName("deleteStore").WithTags("stores")
            .Gives(StatusCodes.Status204NoContent, "Deleted.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
    }

    /// <summary>Make a store</summary>
    /// <remarks>An identical definition is idempotent, another one under the same name a conflict. Owners only.</remarks>
    public async Task PutAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var definition = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.StoreDefinition, options.MaxJsonBodyBytes);
        var (made, isNew) = await desk.AskAsync(context, (door, caller, token) => door.EnsureStoreAsync(caller, store, definition, token));
        if (isNew)
            context.Response.Headers.Location = Paths.Store(store);
        await JsonResponse.WriteAsync(context, made, DpAttnJson.Default.StoreDescription, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    /// <summary>Show a store</summary>
    /// <remarks>Its definition, public counts and releases. Owner and granted users.</remarks>
    public async Task GetAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var found = await desk.AskAsync(context, (door, caller, token) => door.GetStoreAsync(caller, store, token));
        await JsonResponse.WriteAsync(context, found, DpAttnJson.Default.StoreDescription);
    }

    /// <summary>List stores</summary>
    /// <remarks>Those that the caller owns or was granted; all of them for operators.</remarks>
    public async Task ListAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var stores = await desk.AskAsync(context, (door, caller, token) => door.ListStoresAsync(caller, token));
        await JsonResponse.WriteAsync(context, stores, DpAttnJson.Default.IReadOnlyListStoreDescription);
    }

    /// <summary>Delete a store</summary>
    /// <remarks>Rows and releases go; a tombstone keeps what was spent. The same name later is a new store. Owner only.</remarks>
    public async Task DeleteAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        await desk.TellAsync(context, (door, caller, token) => door.DeleteStoreAsync(caller, store, token));
        await JsonResponse.NoContent(context);
    }
}
