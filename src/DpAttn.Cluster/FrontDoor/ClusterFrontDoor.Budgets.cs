using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    public async Task<BudgetDescription> GetMyBudgetAsync(Principal caller, string store, CancellationToken cancellationToken = default)
    {
        var view = await VisibleAsync(caller, store, fresh: false, cancellationToken);
        return await BudgetAsync(view, caller.Account, cancellationToken);
    }

    public async Task<LedgerPage> ListMyLedgerAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default)
    {
        RequirePage(limit);
        var after = 0L;
        if (cursor is not null && !(long.TryParse(cursor, out after) && after >= 0))
            throw new ProblemException(ProblemCodes.InvalidRequest, "this cursor was not given by this ledger");
        var view = await VisibleAsync(caller, store, fresh: false, cancellationToken);
        var entries = await ledger.ListEntriesAsync(view.Id, caller.Account, after, limit, cancellationToken);
        var conversions = new Conversions(view.Delta);
        return new LedgerPage([.. entries.Select(entry => ToLine(entry, conversions))], entries.Count == limit ? entries[^1].Entry.Sequence.ToString() : null);
    }

    public async Task<StoreBudgets> ListBudgetsAsync(Principal caller, string store, string? cursor, int limit, CancellationToken cancellationToken = default)
    {
        RequirePage(limit);
        var view = await OwnedAsync(caller, store, cancellationToken);
        var books = await ledger.ReadStoreAsync(view.Id, cancellationToken) ?? throw new StorageCorruptException($"store {view.Id} has no books");
        var accounts = await ledger.ListAccountsAsync(view.Id, ToCursor(cursor), limit, cancellationToken);
        var conversions = new Conversions(view.Delta);
        return new StoreBudgets(
            view.Delta.Value,
            books.StatedEpsilon.Value,
            conversions.ToEpsilon(books.Spent),
            conversions.ToAffordableEpsilon(books.Limit - books.Spent),
            [.. accounts.Select(account => Describe(account, conversions))],
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
        {
            throw new ProblemException(ProblemCodes.InvalidRequest, "a limit is never set below what is spent; nothing was changed")
            {
                Requested = request.Epsilon,
                Delta = view.Delta.Value,
            };
        }
        if (outcome.Refusal is not null)
            throw NoSuchStore();
        await RecordGrantAsync(view, id, caller.Account, request.Epsilon, cancellationToken);
        return await BudgetAsync(view, id, cancellationToken);
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
            ? Describe(budget, new Conversions(store.Delta))
            : throw new ProblemException(ProblemCodes.NotFound, "this account has no grant for this store");

    private static BudgetDescription Describe(AccountBudget budget, Conversions conversions) => new()
    {
        Account = budget.Account.Value,
        Delta = conversions.Delta.Value,
        Limit = budget.StatedEpsilon.Value,
        Spent = conversions.ToEpsilon(budget.Spent),
        Remaining = conversions.ToAffordableEpsilon(budget.Limit - budget.Spent),
        LimitUnits = budget.Limit.MuSquared,
        SpentUnits = budget.Spent.MuSquared,
        Opened = [.. budget.OpenTiers.OrderBy(open => open.Key.Value, StringComparer.Ordinal).Select(open => new OpenedTier(open.Key.Value, open.Value))],
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
