using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>What an operator does with ledgers and the database as a whole.</summary>
internal sealed class LedgersEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    private const string Binary = "application/octet-stream";

    public void Map(IEndpointRouteBuilder routes)
    {
        var storage = new StorageProblem(ProblemCodes.LedgerUnavailable);
        routes.MapGet("/v1/ledger", (Delegate)ListAsync).WithName("listLedgers").WithTags("ledger").WithMetadata(storage)
            .Gives<LedgerList>(RequestBody.Json)
            .Fails(ProblemCodes.LedgerUnavailable);
        routes.MapPost("/v1/ledger/verifications", (Delegate)VerifyAsync).WithName("verifyLedger").WithTags("ledger").WithMetadata(storage)
            .Takes<LedgerVerificationRequest>(RequestBody.Json)
            .Gives<LedgerCheck>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.TooLarge, ProblemCodes.LedgerUnavailable, ProblemCodes.StorageFull);
        routes.MapPost("/v1/ledger/acknowledgements", (Delegate)AcknowledgeAsync).WithName("acknowledgeLedgers").WithTags("ledger").WithMetadata(storage)
            .Takes<AcknowledgementRequest>(RequestBody.Json)
            .Gives<AcknowledgementResult>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.TooLarge, ProblemCodes.LedgerUnavailable, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapGet("/v1/backup", (Delegate)BackupAsync).WithName("backup").WithTags("ledger")
            .GivesBinary(Binary, "The database as one SQLite file; Content-Digest holds its SHA-256. Neither the key file nor the witness is in it.")
            .WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(void)))
            .Fails(ProblemCodes.StorageFull);
    }

    /// <summary>The ledgers of stores</summary>
    /// <remarks>Whether each takes charges, and why not. Owners see those of their stores, operators all.</remarks>
    public async Task ListAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var ledgers = await desk.AskAsync(context, (door, caller, token) => door.ListLedgersAsync(caller, token));
        await JsonResponse.WriteAsync(context, ledgers, DpAttnJson.Default.LedgerList);
    }

    /// <summary>Verify a store's whole ledger</summary>
    /// <remarks>Chains, totals, limits and tiers against the entries, and the witness. A store with faults takes no charges from then on. Takes as long as the ledger is large. Owner of the store, or operator.</remarks>
    public async Task VerifyAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.LedgerVerificationRequest, options.MaxJsonBodyBytes);
        var check = await desk.AskAsync(context, (door, caller, token) => door.VerifyLedgerAsync(caller, request, token), ProblemCodes.LedgerUnavailable, isMaintenance: true);
        await JsonResponse.WriteAsync(context, check, DpAttnJson.Default.LedgerCheck);
    }

    /// <summary>Acknowledge what was found in ledgers, and open them again</summary>
    /// <remarks>Nothing is refunded: every book goes on from the largest of what the database states, what the witness saw and what the entries sum to. Repeating it changes nothing. Operators only.</remarks>
    public async Task AcknowledgeAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.AcknowledgementRequest, options.MaxJsonBodyBytes);
        var done = await desk.AskAsync(context, (door, caller, token) => door.AcknowledgeLedgersAsync(caller, request, token), ProblemCodes.ChargeUnknown, isMaintenance: true);
        await JsonResponse.WriteAsync(context, done, DpAttnJson.Default.AcknowledgementResult);
    }

    /// <summary>A consistent copy of the embedded database</summary>
    /// <remarks>All rows are in it. The key file and the witness are not, and the witness must never be restored with it. Operators only.</remarks>
    public async Task BackupAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        await using var copy = await desk.AskAsync(context, (door, caller, token) => door.BackupAsync(caller, token), isMaintenance: true);
        var response = context.Response;
        response.ContentType = Binary;
        response.ContentLength = copy.Bytes;
        response.Headers.Append("Content-Digest", $"sha-256=:{Convert.ToBase64String(copy.Digest.Span)}:");
        await copy.Content.CopyToAsync(response.Body, context.RequestAborted);
    }
}
