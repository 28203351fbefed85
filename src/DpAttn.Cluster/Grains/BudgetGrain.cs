using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IBudgetGrain"/>
/// <remarks>
/// It never decides: the ledger does, in one transaction, whatever this activation believes. Calls interleave, so that callers share a flush. After a failed
/// write the cached totals may be behind: they are dropped and the activation goes.
/// </remarks>
[GrainType(WireNames.BudgetGrain), Reentrant]
internal sealed class BudgetGrain(IBudgetLedger ledger, StoreServices services) : Grain, IBudgetGrain
{
    private AccountState? _state;
    private long _changes;

    private StoreId Store => GrainKey.Parse(this.GetPrimaryKeyString()).Store;

    private AccountId Account => new(GrainKey.Parse(this.GetPrimaryKeyString()).Below);

    public async Task<AccountState?> GetAsync(CancellationToken cancellationToken)
    {
        if (_state is { } known)
            return known;
        var changes = _changes;
        var budget = await ledger.ReadAccountAsync(Store, Account, cancellationToken);
        var state = budget is null ? null : ToState(budget);
        // Read while another call charged: it may be older than what that call will cache.
        if (changes == _changes)
            _state = state;
        return state;
    }

    public async Task<RecordedRequest?> FindAsync(string request, CancellationToken cancellationToken)
    {
        var found = (await ledger.FindRequestAsync(Store, Account, new RequestId(request), cancellationToken))?.Entry;
        return found is null ? null : new RecordedRequest(found.Fingerprint.Hex, found.Release?.Value, found.Tier, found.AccountAmount.MuSquared);
    }

    public Task<ChargeOutcome> OpenAsync(OpenCommand command, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        var store = await services.Directory.ReadAsync(Store, cancellationToken);
        if (store is not { Document.State: StoreDocument.Active })
            throw new ProblemException(ProblemCodes.NotFound, "no such store");
        // Prices come from the release itself, never from the caller.
        if (store.Release(command.Release) is not { State: ReleaseDocument.Published })
            throw new ProblemException(ProblemCodes.NotFound, $"the store has no published release {command.Release}");
        return await ledger.OpenAsync(
            Store, Account, new RequestId(command.Request), RequestFingerprint.Of(command.Content), new ReleaseId(command.Release), command.Tier, store.Ladders[command.Release], cancellationToken);
    }, cancellationToken);

    public Task<ChargeOutcome> SetLimitAsync(double epsilon, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        var store = await services.Directory.ReadAsync(Store, cancellationToken);
        if (store is not { Document.State: StoreDocument.Active })
            throw new ProblemException(ProblemCodes.NotFound, "no such store");
        return await ledger.SetLimitAsync(Store, Account, new PrivacyLimit(Epsilon.Budget(epsilon), store.Delta), cancellationToken);
    }, cancellationToken);

    private async Task<ChargeOutcome> ChangeAsync(Func<Task<LedgerDecision>> change, CancellationToken cancellationToken)
    {
        try
        {
            var decision = await change();
            _changes++;
            _state = null;
            var state = await TryGetAsync(cancellationToken);
            return decision switch
            {
                LedgerDecision.Admitted admitted => new ChargeOutcome(null, admitted.IsReplay, admitted.AccountCost.MuSquared, admitted.AccountCost.Slack, 0, 0, state),
                LedgerDecision.Refused refused => new ChargeOutcome(
                    (int)refused.Reason, false, refused.Requested?.MuSquared ?? 0, refused.Requested?.Slack ?? 0, refused.ShortBy?.MuSquared ?? 0, refused.ShortBy?.Slack ?? 0, state),
                _ => throw new InvalidOperationException("the ledger decided nothing"),
            };
        }
        catch (StorageException)
        {
            _changes++;
            _state = null;
            DeactivateOnIdle();
            throw;
        }
    }

    /// <summary>The totals after a decision that is durable already: failing to read them must not look like failing to charge.</summary>
    private async Task<AccountState?> TryGetAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync(cancellationToken);
        }
        catch (Exception e) when (e is StorageException or OperationCanceledException)
        {
            return null;
        }
    }

    private static AccountState ToState(AccountBudget budget) => new(
        budget.StatedEpsilon.Value,
        budget.Limit.MuSquared,
        budget.Limit.Slack,
        budget.Spent.MuSquared,
        budget.Spent.Slack,
        [.. budget.OpenTiers.Select(open => new OpenTier(open.Key.Value, open.Value))]);
}
