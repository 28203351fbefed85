using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;

namespace DpAttn.Server.Endpoints;

/// <summary>Budgets: one's own, and all of a store for its owner.</summary>
internal sealed class BudgetsEndpoints(FrontDesk desk, ServerOptions options) : IEndpoints
{
    public void Map(IEndpointRouteBuilder routes)
    {
        var storage = new StorageProblem(ProblemCodes.LedgerUnavailable);
        routes.MapGet("/v1/stores/{store}/budgets/me", GetMineAsync).WithName("getMyBudget").WithTags("budgets").WithMetadata(storage)
            .Gives<BudgetDescription>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.LedgerUnavailable);
        routes.MapGet("/v1/stores/{store}/budgets/me/ledger", ListMineAsync).WithName("listMyLedger").WithTags("budgets").WithMetadata(storage)
            .TakesQuery("cursor", "string", "Where the page before ended.")
            .TakesQuery("limit", "integer", $"Entries on a page, 1 to {RequestParameters.LargestLimit}.")
            .Gives<LedgerPage>(RequestBody.Json)
            .Gives<LedgerLine>(RequestBody.JsonLines, description: "Every entry from the cursor on, a line each.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.LedgerUnavailable);
        routes.MapGet("/v1/stores/{store}/budgets", ListAsync).WithName("listBudgets").WithTags("budgets").WithMetadata(storage)
            .TakesQuery("cursor", "string", "Where the page before ended.")
            .TakesQuery("limit", "integer", $"Accounts on a page, 1 to {RequestParameters.LargestLimit}.")
            .Gives<StoreBudgets>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.LedgerUnavailable);
        routes.MapGet("/v1/stores/{store}/budgets/{account}", GetAsync).WithName("getBudget").WithTags("budgets").WithMetadata(storage)
            .Gives<BudgetDescription>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.LedgerUnavailable);
        routes.MapPut("/v1/stores/{store}/budgets/{account}", PutAsync).WithName("setBudget").WithTags("budgets").WithMetadata(storage)
            .Takes<LimitRequest>(RequestBody.Json)
            .Gives<BudgetDescription>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.Conflict, ProblemCodes.TooLarge, ProblemCodes.LedgerUnavailable, ProblemCodes.LedgerClosed, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapPut("/v1/stores/{store}/budgets", PutStoreAsync).WithName("setStoreBudget").WithTags("budgets").WithMetadata(storage)
            .Takes<LimitRequest>(RequestBody.Json)
            .Gives<StoreBudgets>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.TooLarge, ProblemCodes.LedgerUnavailable, ProblemCodes.LedgerClosed, ProblemCodes.StorageFull, ProblemCodes.ChargeUnknown);
        routes.MapGet("/v1/stores/{store}/budgets/{account}/ledger", ListOneAsync).WithName("listLedger").WithTags("budgets").WithMetadata(storage)
            .TakesQuery("cursor", "string", "Where the page before ended.")
            .TakesQuery("limit", "integer", $"Entries on a page, 1 to {RequestParameters.LargestLimit}.")
            .Gives<LedgerPage>(RequestBody.Json)
            .Gives<LedgerLine>(RequestBody.JsonLines, description: "Every entry from the cursor on, a line each.")
            .Fails(ProblemCodes.NotFound, ProblemCodes.LedgerUnavailable);
        routes.MapPost("/v1/accounts/lookup", (Delegate)LookUpAsync).WithName("findAccount").WithTags("budgets")
            .Takes<AccountLookup>(RequestBody.Json)
            .Gives<AccountReference>(RequestBody.Json)
            .Fails(ProblemCodes.NotFound, ProblemCodes.TooLarge);
    }

    /// <summary>One's own budget at a store</summary>
    /// <remarks>Limit, spent, remaining and the tiers opened.</remarks>
    public async Task GetMineAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var budget = await desk.AskAsync(context, (door, caller, token) => door.GetMyBudgetAsync(caller, store, token));
        await JsonResponse.WriteAsync(context, budget, DpAttnJson.Default.BudgetDescription);
    }

    /// <summary>One's own ledger at a store</summary>
    /// <remarks>Page by page; with Accept: application/x-ndjson all of it, a line per entry.</remarks>
    public Task ListMineAsync(string store, HttpContext context) =>
        WriteLedgerAsync(context, (door, caller, from, most, token) => door.ListMyLedgerAsync(caller, store, from, most, token));

    /// <summary>One account's ledger at a store</summary>
    /// <remarks>Page by page; with Accept: application/x-ndjson all of it, a line per entry. Owner only.</remarks>
    public Task ListOneAsync(string store, string account, HttpContext context) =>
        WriteLedgerAsync(context, (door, caller, from, most, token) => door.ListLedgerAsync(caller, store, account, from, most, token));

    private async Task WriteLedgerAsync(HttpContext context, Func<IFrontDoor, Principal, string?, int, CancellationToken, Task<LedgerPage>> read)
    {
        RequestParameters.Allow(context, "cursor", "limit");
        var cursor = RequestParameters.Text(context, "cursor");
        var limit = RequestParameters.Limit(context);
        if (Negotiation.Select(context, RequestBody.Json, RequestBody.JsonLines) == RequestBody.Json)
        {
            await JsonResponse.WriteAsync(context, await PageAsync(cursor, limit), DpAttnJson.Default.LedgerPage);
            return;
        }
        var isFirst = true;
        await JsonResponse.WriteLinesAsync(context, async () =>
        {
            if (!isFirst && cursor is null)
                return null;
            var page = await PageAsync(cursor, RequestParameters.LargestLimit);
            (isFirst, cursor) = (false, page.Next);
            return page.Entries;
        }, DpAttnJson.Default.LedgerLine);

        Task<LedgerPage> PageAsync(string? from, int most) => desk.AskAsync(context, (door, caller, token) => read(door, caller, from, most, token));
    }

    /// <summary>All budgets of a store</summary>
    /// <remarks>Owner only.</remarks>
    public async Task ListAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context, "cursor", "limit");
        var cursor = RequestParameters.Text(context, "cursor");
        var limit = RequestParameters.Limit(context);
        var budgets = await desk.AskAsync(context, (door, caller, token) => door.ListBudgetsAsync(caller, store, cursor, limit, token));
        await JsonResponse.WriteAsync(context, budgets, DpAttnJson.Default.StoreBudgets);
    }

    /// <summary>One account's budget at a store</summary>
    /// <remarks>Owner only.</remarks>
    public async Task GetAsync(string store, string account, HttpContext context)
    {
        RequestParameters.Allow(context);
        var budget = await desk.AskAsync(context, (door, caller, token) => door.GetBudgetAsync(caller, store, account, token));
        await JsonResponse.WriteAsync(context, budget, DpAttnJson.Default.BudgetDescription);
    }

    /// <summary>Grant an account access with a limit, or set its limit anew</summary>
    /// <remarks>A limit is never set below what is spent. Owner only.</remarks>
    public async Task PutAsync(string store, string account, HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.LimitRequest, options.MaxJsonBodyBytes);
        var budget = await desk.AskAsync(context, (door, caller, token) => door.SetBudgetAsync(caller, store, account, request, token), ProblemCodes.ChargeUnknown);
        await JsonResponse.WriteAsync(context, budget, DpAttnJson.Default.BudgetDescription);
    }

    /// <summary>Set the limit of all users of a store together</summary>
    /// <remarks>Raised or lowered, never below what is spent. Owner only.</remarks>
    public async Task PutStoreAsync(string store, HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.LimitRequest, options.MaxJsonBodyBytes);
        var budgets = await desk.AskAsync(context, (door, caller, token) => door.SetStoreBudgetAsync(caller, store, request, token), ProblemCodes.ChargeUnknown);
        await JsonResponse.WriteAsync(context, budgets, DpAttnJson.Default.StoreBudgets);
    }

    /// <summary>The account of a subject</summary>
    /// <remarks>The name travels in the body only. Owners.</remarks>
    public async Task LookUpAsync(HttpContext context)
    {
        RequestParameters.Allow(context);
        var request = await RequestBody.ReadJsonAsync(context, DpAttnJson.Default.AccountLookup, options.MaxJsonBodyBytes);
        var account = await desk.AskAsync(context, (door, caller, token) => door.FindAccountAsync(caller, request, token));
        await JsonResponse.WriteAsync(context, account, DpAttnJson.Default.AccountReference);
    }
}
