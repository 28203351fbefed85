using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>Estimates, which are free.</summary>
internal sealed class EstimateEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/stores/{store}/estimate", EstimateAsync).WithName("estimate").WithTags("attend")
            .Takes<EstimateRequest>(RequestBody.Json, isRequired: false)
            .Gives<EstimateResponse>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.TooLarge);

    /// <summary>Estimate an error or an epsilon</summary>
    /// <remarks>Error at an epsilon, epsilon for an error, or every tier; from the schema and public counts alone, and free. Owner and granted users.</remarks>
    public async Task EstimateAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.EstimateRequest, options.MaxJsonBodyBytes, absent: new EstimateRequest());
        var estimate = await desk.AskAsync(context, (door, caller, token) => door.EstimateAsync(caller, store, request, token));
        await JsonResponse.WriteAsync(context, estimate, DpAttnJson.Default.EstimateResponse);
    }
}
