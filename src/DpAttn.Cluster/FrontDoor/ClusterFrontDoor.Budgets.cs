using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    private const int FirstPage = 100;

    public async Task<BudgetDescription> GetMyBudgetAsync(Principal caller, string store, CancellationToken cancellationToken = default)
    {
        var view = await VisibleAsync(caller, store, fresh: false, cancellationToken);
        return await BudgetAsync(view, caller.Account, cancellationToken);
    }

    public async Task<LedgerPage> ListMyLedgerAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default)
    {
        var page = Page(cursor, limit);
        return await ListAsync(await VisibleAsync(caller, store, fresh: false, cancellationToken), caller.Account, page, cancellationToken);
    }

    public async Task<LedgerPage> ListLedgerAsync(Principal caller, string store, string account, string? cursor, int limit, CancellationToken cancellationToken = default)
    {
        var page = Page(cursor, limit);
        var view = await OwnedAsync(caller, store, cancellationToken);
        var id = ToAccount(account);
        if (await ledger.ReadAccountAsync(view.Id, id, cancellationToken) is null)
            throw NoGrant();
        return await ListAsync(view, id, page, cancellationToken);
    }

    public async Task<StoreBudgets> ListBudgetsAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default)
    {
        RequirePage(limit);
        return await BudgetsAsync(await OwnedAsync(caller, store, cancellationToken), ToCursor(cursor), limit, cancellationToken);
    }

    private async Task<StoreBudgets> BudgetsAsync(StoreView view, AccountId? after, int limit, CancellationToken cancellationToken)
    {
        var books = await ledger.ReadStoreAsync(view.Id, cancellationToken) ?? throw new StorageCorruptException($"store {view.Id} has no books");
        var accounts = await ledger.ListAccountsAsync(view.Id, after, limit, cancellationToken);
        var conversions = new Conversions(view.Delta);
        return new StoreBudgets(
            view.Delta.Value,
            books.StatedEpsilon.Value,
            conversions.ToEpsilon(books.Spent),
            conversions.ToAffordableEpsilon(books.Limit - books.Spent),
            [.. accounts.Select(account => Describe(view, account, conversions))],
            accounts.Count == limit ? accounts[^1].Account.Value : null);
    }

    public async Task<BudgetDescription> GetBudgetAsync(Principal caller, string store, string account, CancellationToken cancellationToken = default)
    {
        var view = await OwnedAsync(caller, store, cancellationToken);
        return await BudgetAsync(view, ToAccount(account), cancellationToken);
    }

    public async Task<BudgetDescription> SetBudgetAsync(Principal caller, string store, string account, LimitRequest request, CancellationToken cancellationToken = default)
    {
        var view = await OwnedAsync(caller, store, cancellationToken);
        var id = ToAccount(account);
        if (!await credentials.ExistsAsync(id, cancellationToken))
            throw new ProblemException(ProblemCodes.NotFound, "no such account; look it up by its subject first");
        try
        {
            _ = new PrivacyLimit(Epsilon.Budget(request.Epsilon), view.Delta);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
        var outcome = await BudgetGrain(view, id).SetLimitAsync(request.Epsilon, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.LedgerUnavailable, cancellationToken);
        if (outcome.Refusal == RefusalReason.LimitBelowSpent)
            throw BelowSpent(view, request);
        if (outcome.Refusal is not null)
            throw NoSuchStore();
        await RecordGrantAsync(view, id, caller.Account, request.Epsilon, cancellationToken);
        return await BudgetAsync(view, id, cancellationToken);
    }

    public async Task<StoreBudgets> SetStoreBudgetAsync(Principal caller, string store, LimitRequest request, CancellationToken cancellationToken = default)
    {
        var view = await OwnedAsync(caller, store, cancellationToken);
        PrivacyLimit limit;
        try
        {
            limit = new PrivacyLimit(Epsilon.Budget(request.Epsilon), view.Delta);
            view.Model.RequireRoom(limit);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
        var decision = await ledger.SetStoreLimitAsync(view.Id, limit, cancellationToken);
        if (decision is LedgerDecision.Refused { Reason: RefusalReason.LimitBelowSpent })
            throw BelowSpent(view, request);
        if (!decision.IsAdmitted)
            throw NoSuchStore();
        await catalog.CommitAsync(
            () => Task.FromResult<(CatalogCommit?, bool)>((new CatalogCommit { Audit = [new AuditEvent("budget.limit", caller.Account.Value, view.Id, null, request.Epsilon.ToString("R"))] }, true)),
            () => new ProblemException(ProblemCodes.Busy, "the limit is set, but the catalog is being changed by others; set it again to record it"),
            cancellationToken);
        return await BudgetsAsync(view, null, FirstPage, cancellationToken);
    }

    /// <summary>The grant in the audit log and in the account's list of stores, and the generation raised, so that other silos look at the limit again.</summary>
    private async Task RecordGrantAsync(StoreView store, AccountId account, AccountId actor, double epsilon, CancellationToken cancellationToken)
    {
        var listed = Documents.Listed(account, store.Id);
        await catalog.CommitAsync(
            async () =>
            {
                var writes = new List<CatalogWrite> { await generation.RaiseAsync(cancellationToken) };
                if (await catalog.ReadAsync(Documents.Visible, listed, cancellationToken) is null)
                    writes.Add(Documents.Visible.Insert(listed, new NameDocument(store.Id.Value)));
                return (new CatalogCommit { Writes = writes, Audit = [new AuditEvent("budget.grant", actor.Value, store.Id, account.Value, epsilon.ToString("R"))] }, true);
            },
            () => new ProblemException(ProblemCodes.Busy, "the limit is set, but the catalog is being changed by others; set it again to record it"),
            cancellationToken);
        generation.Drop();
    }

    private async Task<BudgetDescription> BudgetAsync(StoreView store, AccountId account, CancellationToken cancellationToken) =>
        await ledger.ReadAccountAsync(store.Id, account, cancellationToken) is { } budget
            ? Describe(store, budget, new Conversions(store.Delta))
            : throw NoGrant();

    private static BudgetDescription Describe(StoreView store, AccountBudget budget, Conversions conversions) => new()
    {
        Account = budget.Account.Value,
        Delta = conversions.Delta.Value,
        Limit = budget.StatedEpsilon.Value,
        Spent = conversions.ToEpsilon(budget.Spent),
        Remaining = conversions.ToAffordableEpsilon(budget.Limit - budget.Spent),
        LimitUnits = budget.Limit.MuSquared,
        SpentUnits = budget.Spent.MuSquared,
        Opened = [.. budget.OpenTiers.OrderBy(open => open.Key.Value, StringComparer.Ordinal).Select(open => new OpenedTier(open.Key.Value, open.Value))],
        Reach = Reach.Of(store, budget.Limit - budget.Spent),
    };

    private static LedgerLine ToLine(StoredLedgerEntry stored, Conversions conversions) => new(
        stored.Entry.Sequence,
        stored.At,
        stored.Entry.Kind switch
        {
            LedgerEntryKind.Open => "open",
            LedgerEntryKind.Charge => "charge",
            LedgerEntryKind.Acknowledgement => "acknowledgement",
            _ => "limit",
        },
        stored.Entry.AccountAmount.MuSquared,
        conversions.ToEpsilon(stored.Entry.AccountAmount),
        conversions.Delta.Value,
        stored.Entry.Request?.Value,
        stored.Entry.Release?.Value,
        stored.Entry.Tier);

    private async Task<LedgerPage> ListAsync(StoreView view, AccountId account, (long After, int Limit) page, CancellationToken cancellationToken)
    {
        var entries = await ledger.ListEntriesAsync(view.Id, account, page.After, page.Limit, cancellationToken);
        var conversions = new Conversions(view.Delta);
        return new LedgerPage([.. entries.Select(entry => ToLine(entry, conversions))], entries.Count == page.Limit ? entries[^1].Entry.Sequence.ToString() : null);
    }

    private static (long After, int Limit) Page(string? cursor, int limit)
    {
        RequirePage(limit);
        var after = 0L;
        return cursor is null || long.TryParse(cursor, out after) && after >= 0
            ? (after, limit)
            : throw new ProblemException(ProblemCodes.InvalidRequest, "this cursor was not given by this ledger");
    }

    private static ProblemException NoGrant() => new(ProblemCodes.NotFound, "this account has no grant for this store");

    private static ProblemException BelowSpent(StoreView store, LimitRequest request) =>
        new(ProblemCodes.InvalidRequest, "a limit is never set below what is spent; nothing was changed") { Requested = request.Epsilon, Delta = store.Delta.Value };

    private static AccountId ToAccount(string account)
    {
        try
        {
            return new AccountId(account);
        }
        catch (ArgumentException)
        {
            throw new ProblemException(ProblemCodes.NotFound, "no such account");
        }
    }

    private static AccountId? ToCursor(string? cursor)
    {
        try
        {
            return cursor is null ? null : new AccountId(cursor);
        }
        catch (ArgumentException)
        {
            throw new ProblemException(ProblemCodes.InvalidRequest, "this cursor was not given by this list");
        }
    }
}
