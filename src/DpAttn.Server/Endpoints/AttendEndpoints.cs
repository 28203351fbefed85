using System.Globalization;
using DpAttn.Attention.IO;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Attend;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>Queries in, answers out: the path that has to be fast.</summary>
internal sealed class AttendEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/stores/{store}/attend", AttendAsync).WithName("attend").WithTags("attend").WithMetadata(new StorageProblem(ProblemCodes.LedgerUnavailable))
            .Takes<AttendRequest>(RequestBody.Json)
            .TakesBinary(RequestBody.Npy, "m x d queries, float32 or float64; release, tier, maxEpsilon, rowsFrom, rowsTo and clip then stand in the query string.")
            .TakesIdempotencyKey("The key of a charge: the same request is charged once, however often it is sent. A per-query store requires it.", isRequired: false)
            .TakesQuery("release", "string", "With a .npy body: as in AttendRequest.")
            .TakesQuery("tier", "integer", "With a .npy body: as in AttendRequest.")
            .TakesQuery("maxEpsilon", "number", "With a .npy body: as in AttendRequest.")
            .TakesQuery("rowsFrom", "integer", "With a .npy body: rows.from, as in AttendRequest; together with rowsTo.")
            .TakesQuery("rowsTo", "integer", "With a .npy body: rows.to, as in AttendRequest; together with rowsFrom.")
            .TakesQuery("clip", "boolean", "With a .npy body: as in AttendRequest.")
            .Gives<AttendResponse>(RequestBody.Json)
            .GivesBinary(RequestBody.Npy, "m x dv outputs, float64; the privacy record is in the headers.")
            .GivesBinary(RequestBody.Npz, "outputs, noise_deviations, interval_low, interval_high (m x dv, float64), indistinguishable (m, bool; not under per-query).")
            .GivesPrivacyHeaders()
            .Fails(
                ProblemCodes.NotFound, ProblemCodes.BudgetExhausted, ProblemCodes.NotPublished, ProblemCodes.NotOpened, ProblemCodes.RequestInUse, ProblemCodes.ReleaseRetired,
                ProblemCodes.AnswerExpired, ProblemCodes.TooLarge, ProblemCodes.RequestConflict, ProblemCodes.LedgerUnavailable, ProblemCodes.LedgerClosed, ProblemCodes.ChargeUnknown, ProblemCodes.StorageFull);

    /// <summary>Ask queries</summary>
    /// <remarks>
    /// Answers from the newest release and best tier that the caller has opened, for free. Opening a tier or upgrading to one needs an explicit tier, or
    /// maxEpsilon at or above the cost; otherwise 409 not_opened with the prices. A per-query store charges each answer: it needs an Idempotency-Key, and a tier
    /// of its ladder or maxEpsilon, and all queries of a request are one charge. A store whose levels are all answers any range of blocks (rows), and an open tier
    /// is paid for all of them. Granted users only.
    /// </remarks>
    public async Task AttendAsync(string store, HttpContext context)
    {
        var requestId = RequestParameters.IdempotencyKey(context);
        var form = Negotiation.Select(context, RequestBody.Json, RequestBody.Npy, RequestBody.Npz, RequestBody.Zip);
        var command = RequestBody.Is(context, RequestBody.Json) ? await ReadJsonAsync(context, requestId)
            : RequestBody.Is(context, RequestBody.Npy) ? await ReadNpyAsync(context, requestId)
            : throw StatusException.UnsupportedMediaType([RequestBody.Json, RequestBody.Npy]);
        var couldCharge = command.Tier is not null || command.MaxEpsilon is not null;
        var result = await desk.AskAsync(
            context,
            (door, caller, token) => door.AttendAsync(caller, store, command, token),
            couldCharge ? ProblemCodes.ChargeUnknown : ProblemCodes.ShardUnavailable);
        var isJson = form == RequestBody.Json;
        SetHeaders(context.Response, result, isBinary: !isJson);
        context.Response.ContentType = form;
        if (isJson)
            await WriteJsonAsync(context, result);
        else
            await WriteBinaryAsync(context, result, isArchive: form != RequestBody.Npy);
    }

    private async ValueTask<AttendCommand> ReadJsonAsync(HttpContext context, string? requestId)
    {
        RequestParameters.Allow(context);
        var body = await RequestBody.ReadAllAsync(context, options.MaxBodyBytes);
        try
        {
            return AttendJsonReader.Read(body, options.MaxQueries, requestId);
        }
        finally
        {
            context.Request.BodyReader.AdvanceTo(body.End);
        }
    }

    private async ValueTask<AttendCommand> ReadNpyAsync(HttpContext context, string? requestId)
    {
        RequestParameters.Allow(context, "release", "tier", "maxEpsilon", "rowsFrom", "rowsTo", "clip");
        var release = RequestParameters.Text(context, "release");
        var tier = (int?)RequestParameters.Whole(context, "tier", int.MinValue, int.MaxValue);
        var maxEpsilon = RequestParameters.Number(context, "maxEpsilon");
        var clip = RequestParameters.Switch(context, "clip");
        var rows = Rows(RequestParameters.Whole(context, "rowsFrom", long.MinValue, long.MaxValue), RequestParameters.Whole(context, "rowsTo", long.MinValue, long.MaxValue));
        RequestBody.RequireLength(context, options.MaxBodyBytes);
        using var body = await BufferedBody.CopyAsync(context.Request.Body, options.MaxBodyBytes, context.RequestAborted);
        var queries = Npy.ReadMatrix(body, "queries", new NpyLimits { DataBytes = options.MaxBodyBytes });
        if (queries.Rows > options.MaxQueries)
            throw AttendJsonReader.TooMany(options.MaxQueries);
        if (queries.Rows == 0 || queries.Columns == 0)
            throw RequestParameters.Refuse($"queries: {queries.Rows} x {queries.Columns} has no queries or no columns");
        return new AttendCommand(queries.ToDouble(), release, tier, maxEpsilon, requestId, clip, rows);
    }

    private static BlockRange? Rows(long? from, long? to) => (from, to) switch
    {
        (null, null) => null,
        ({ } first, { } end) => new BlockRange(first, end),
        _ => throw RequestParameters.Refuse("query parameters 'rowsFrom' and 'rowsTo' stand together: a range of blocks has both ends"),
    };

    private static void SetHeaders(HttpResponse response, AttendResult result, bool isBinary)
    {
        var privacy = result.Privacy;
        var headers = response.Headers;
        headers[ResponseHeaders.EpsilonCharged] = Text(privacy.Charged);
        headers[ResponseHeaders.EpsilonRemaining] = Text(privacy.Remaining);
        headers[ResponseHeaders.Delta] = Text(privacy.Delta);
        if (privacy.Release is not null)
            headers[ResponseHeaders.Release] = privacy.Release;
        if (privacy.AboutMore is { } more)
            headers[ResponseHeaders.AboutMore] = more.ToString(CultureInfo.InvariantCulture);
        headers[ResponseHeaders.Tier] = privacy.Tier.ToString(CultureInfo.InvariantCulture);
        if (privacy.Replayed)
            headers[ResponseHeaders.IdempotencyReplayed] = "true";
        if (!isBinary)
            return;
        // What the JSON body would say.
        headers[ResponseHeaders.EpsilonSpent] = Text(privacy.Spent);
        headers[ResponseHeaders.TierEpsilon] = Text(privacy.TierEpsilon);
        headers[ResponseHeaders.KernelErrorBound] = Text(AttendFigures.KernelErrorBound(result));
        if (result.SlotsCovered is { } slots)
            headers[ResponseHeaders.SlotsCovered] = slots.ToString(CultureInfo.InvariantCulture);
        if (result.Blocks is { } blocks)
        {
            headers[ResponseHeaders.BlocksFrom] = blocks.From.ToString(CultureInfo.InvariantCulture);
            headers[ResponseHeaders.BlocksTo] = blocks.To.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static async Task WriteJsonAsync(HttpContext context, AttendResult result)
    {
        using var body = new PieceWriter();
        AttendJsonWriter.Write(body, result);
        await body.SendAsync(context.Response, context.RequestAborted);
    }

    private static async Task WriteBinaryAsync(HttpContext context, AttendResult result, bool isArchive)
    {
        using var body = new BufferedBody();
        if (isArchive)
            AttendFigures.WriteNpz(body, result);
        else
            AttendFigures.WriteNpy(body, result);
        context.Response.ContentLength = body.Length;
        await body.SendAsync(context.Response.Body, context.RequestAborted);
    }
}
