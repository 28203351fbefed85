using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IBudgetGrain"/>
/// <remarks>
/// It never decides: the ledger does, in one transaction, whatever this activation believes. Calls interleave, so that callers share a flush. What it remembers
/// (<see cref="BudgetCopy"/>) is for looking at only, and goes with the activation after every change that failed.
/// </remarks>
[GrainType(WireNames.BudgetGrain), Reentrant]
internal sealed class BudgetGrain : Grain, IBudgetGrain
{
    private readonly IBudgetLedger _ledger;
    private readonly StoreServices _services;
    private readonly BudgetCopy _copy;

    public BudgetGrain(IBudgetLedger ledger, StoreServices services, Generation generation, ClusterOptions options, TimeProvider clock)
    {
        (_ledger, _services) = (ledger, services);
        _copy = new BudgetCopy(ReadAsync, generation, clock, options.GenerationPoll);
    }

    private StoreId Store => GrainKey.Parse(this.GetPrimaryKeyString()).Store;

    private AccountId Account => new(GrainKey.Parse(this.GetPrimaryKeyString()).Below);

    public Task<AccountState?> GetAsync(CancellationToken cancellationToken) => _copy.GetAsync().WaitAsync(cancellationToken);

    public async Task<RecordedRequest?> FindAsync(string request, CancellationToken cancellationToken)
    {
        var stored = await _ledger.FindRequestAsync(Store, Account, new RequestId(request), cancellationToken);
        return stored is not { Entry: var found }
            ? null
            : new RecordedRequest(found.Fingerprint.Hex, found.Release?.Value, found.Tier, found.AccountAmount.MuSquared, found.AccountAmount.Slack, stored.At);
    }

    public async Task<ChargeOutcome> OpenAsync(OpenCommand command, CancellationToken cancellationToken)
    {
        var store = await _services.Directory.ReadAsync(Store, cancellationToken);
        if (store is not { Document.State: StoreDocument.Active })
            throw new ProblemException(ProblemCodes.NotFound, "no such store");
        // Prices come from the release itself, never from the caller.
        var ladder = store.LadderOf(TierChoice.Published(store, command.Release));
        return await ChangeAsync(
            () => _ledger.OpenAsync(
                Store, Account, new RequestId(command.Request), RequestFingerprint.Of(command.Content), new ReleaseId(command.Release), command.Tier, ladder, cancellationToken),
            LedgerOperations.Open,
            (state, cost) => state.After(command.Release, command.Tier, cost),
            cancellationToken);
    }

    // The books of a deleted store are closed, so the ledger refuses by itself.
    public Task<ChargeOutcome> ChargeAsync(ChargeCommand command, CancellationToken cancellationToken) => ChangeAsync(
        () => _ledger.ChargeAsync(
            Store, Account, new RequestId(command.Request), RequestFingerprint.Of(command.Content), new PrivacyAmount(command.MuSquared, command.Slack), cancellationToken),
        LedgerOperations.Charge,
        static (state, cost) => state.After(cost),
        cancellationToken);

    public async Task<ChargeOutcome> SetLimitAsync(double epsilon, CancellationToken cancellationToken)
    {
        var store = await _services.Directory.ReadActiveAsync(Store, cancellationToken);
        var limit = new PrivacyLimit(Epsilon.Budget(epsilon), new Delta(store.Value.Definition.Delta));
        return await ChangeAsync(() => _ledger.SetLimitAsync(Store, Account, limit, cancellationToken), LedgerOperations.SetLimit, after: null, cancellationToken);
    }

    /// <param name="change">Asks the ledger.</param>
    /// <param name="operation">One of <see cref="LedgerOperations"/>.</param>
    /// <param name="after">What an admission at a cost makes of the totals; null to read them anew.</param>
    /// <param name="cancellationToken">The caller's.</param>
    private async Task<ChargeOutcome> ChangeAsync(Func<Task<LedgerDecision>> change, string operation, Func<AccountState, PrivacyAmount, AccountState>? after, CancellationToken cancellationToken)
    {
        Func<AccountState, AccountState>? made = null;
        LedgerDecision decision;
        _copy.Begin();
        try
        {
            decision = await _services.Instruments.Commit.RunAsync(_ => change(), new KeyValuePair<string, object?>(Labels.Operation, operation));
            _services.Instruments.Count(operation, decision);
            // What a refusal says is of the totals that the ledger refused on.
            made = decision switch
            {
                LedgerDecision.Admitted { IsReplay: true } => static state => state,
                LedgerDecision.Admitted admitted when after is not null => state => after(state, admitted.AccountCost),
                _ => null,
            };
        }
        catch (Exception e)
        {
            DeactivateOnIdle();
            // Given up after it was handed to the ledger: nobody knows whether it was made.
            if (e is OperationCanceledException)
                throw new StorageOutcomeUnknownException("changing a budget: given up; whether the change was made is unknown", e);
            throw;
        }
        finally
        {
            _copy.End(made);
        }
        return ChargeOutcome.Of(decision, await TryGetAsync(cancellationToken));
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

    // Shared by whoever asks meanwhile, so no caller's token ends it.
    private async Task<AccountState?> ReadAsync() => await _ledger.ReadAccountAsync(Store, Account, CancellationToken.None) is { } budget ? AccountState.Of(budget) : null;
}
