using System.Globalization;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;
using DpAttn.Server.Rows;

namespace DpAttn.Server.Endpoints;

/// <summary>Rows: appended in batches, erased while no release has them.</summary>
internal sealed class RowsEndpoints(FrontDesk desk, RowBodyReader reader, UploadAdmission admission) : IEndpoints
{
    private const int BatchSegment = 4;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/stores/{store}/rows", AppendAsync).WithName("appendRows").WithTags("rows")
            .TakesRows()
            .TakesIdempotencyKey("The batch id: sending the same batch again adds nothing twice.", isRequired: true)
            .TakesQuery("clip", "boolean", "Move rows out of bounds to the nearest point inside, before they are stored.")
            .Gives<AppendResult>(RequestBody.Json, StatusCodes.Status201Created, "Durable.")
            .Gives<AppendResult>(RequestBody.Json, StatusCodes.Status200OK, "The same batch was stored before; nothing was added.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.Conflict, ProblemCodes.RequestInUse, ProblemCodes.TooLarge, ProblemCodes.RequestConflict, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapDelete("/v1/stores/{store}/rows/{batch}/{index}", EraseAsync).WithName("eraseRow").WithTags("rows")
            .Gives(StatusCodes.Status204NoContent, "Erased.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.RowPublished, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
    }

    /// <summary>Append a batch of rows</summary>
    /// <remarks>
    /// All of it is durable when this returns, or nothing was stored. The body is a pair of .npy files (parts keys and values), an
    /// .npz archive (members keys, values and, under add-remove, isNull), or JSON lines ({"key": [...], "value": [...]}; {} is a null slot). Owner only.
    /// </remarks>
    public async Task AppendAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context, "clip");
        var clip = RequestParameters.Switch(context, "clip");
        var batch = RequestParameters.RequireIdempotencyKey(context);
        if (batch is "." or "..")
            throw RequestParameters.Refuse($"header {ResponseHeaders.IdempotencyKey} is '{batch}', which no path can name: the rows could never be erased");
        using var place = await admission.EnterAsync(context.RequestAborted);
        var result = await InBatch(batch, async () =>
        {
            var rows = await reader.ReadAsync(context, () => DimensionsAsync(context, store));
            // Rows and columns that do not fit together are refused here, before they travel.
            _ = rows.ToRows();
            return await desk.AskAsync(context, (door, caller, token) => door.AppendAsync(caller, store, batch, rows with { Clip = clip }, token));
        });
        if (result.Replayed)
            context.Response.Headers[ResponseHeaders.IdempotencyReplayed] = "true";
        await JsonResponse.WriteAsync(context, result, DpAttnJson.Default.AppendResult, result.Replayed ? StatusCodes.Status200OK : StatusCodes.Status201Created);
    }

    /// <summary>Erase a row</summary>
    /// <remarks>Its bytes are overwritten. A row that stands in a release cannot be erased: the release keeps its noised trace. Owner only.</remarks>
    public async Task EraseAsync(string store, string batch, string index, HttpContext context)
    {
        RequestParameters.Allow(context);
        if (!int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var row))
            throw RequestParameters.Refuse($"the row's index must be a whole number from 0 to {int.MaxValue}");
        var meant = Paths.Segment(context, BatchSegment);
        await desk.TellAsync(context, (door, caller, token) => door.EraseRowAsync(caller, store, meant, row, token));
        await JsonResponse.NoContent(context);
    }

    private async Task<(int Keys, int Values)> DimensionsAsync(HttpContext context, string store)
    {
        var description = await desk.AskAsync(context, (door, caller, token) => door.GetStoreAsync(caller, store, token));
        return (description.Definition.KeyDimension, description.Definition.ValueDimension);
    }

    /// <summary>Names the batch in what is wrong with it.</summary>
    private static async Task<T> InBatch<T>(string batch, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is ProblemException { Code: ProblemCodes.InvalidRequest or ProblemCodes.TooLarge } or RowRejectedException or NpyFormatException or ArgumentException)
        {
            var refusal = ProblemTranslator.Translate(e, ProblemCodes.ShardUnavailable);
            if (refusal.Code is ProblemCodes.InvalidRequest or ProblemCodes.TooLarge && !refusal.Message.StartsWith("batch ", StringComparison.Ordinal))
                throw new ProblemException(refusal.Code, $"batch '{batch}', {refusal.Message}", e);
            throw;
        }
    }
}
