using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IBudgetGrain"/>
/// <remarks>
/// It never decides: the ledger does, in one transaction, whatever this activation believes. Calls interleave, so that callers share a flush. What it caches
/// is for looking at only, and is dropped after every change, after every failed one (then the activation goes too), and with the generation.
/// </remarks>
[GrainType(WireNames.BudgetGrain), Reentrant]
internal sealed class BudgetGrain(IBudgetLedger ledger, StoreServices services, Generation generation) : Grain, IBudgetGrain
{
    // An account that has opened more is read anew each time: a grain stays small whatever its account did.
    private const int MostOpenKept = 256;

    private AccountState? _state;
    private long _epoch;
    private long _changes;

    private StoreId Store => GrainKey.Parse(this.GetPrimaryKeyString()).Store;

    private AccountId Account => new(GrainKey.Parse(this.GetPrimaryKeyString()).Below);

    public async Task<AccountState?> GetAsync(CancellationToken cancellationToken)
    {
        if (_state is { } known && _epoch == generation.Epoch && generation.IsFresh)
            return known;
        var (changes, epoch) = (_changes, generation.Epoch);
        var budget = await ledger.ReadAccountAsync(Store, Account, cancellationToken);
        var state = budget is null ? null : AccountState.Of(budget);
        // Read while another call charged: it may be older than what that call will cache.
        if (changes == _changes && state?.Opened.Length <= MostOpenKept)
            (_state, _epoch) = (state, epoch);
        return state;
    }

    public async Task<RecordedRequest?> FindAsync(string request, CancellationToken cancellationToken)
    {
        var stored = await ledger.FindRequestAsync(Store, Account, new RequestId(request), cancellationToken);
        return stored is not { Entry: var found }
            ? null
            : new RecordedRequest(found.Fingerprint.Hex, found.Release?.Value, found.Tier, found.AccountAmount.MuSquared, found.AccountAmount.Slack, stored.At);
    }

    public async Task<ChargeOutcome> OpenAsync(OpenCommand command, CancellationToken cancellationToken)
    {
        var store = await services.Directory.ReadAsync(Store, cancellationToken);
        if (store is not { Document.State: StoreDocument.Active })
            throw new ProblemException(ProblemCodes.NotFound, "no such store");
        // Prices come from the release itself, never from the caller.
        var ladder = store.LadderOf(TierChoice.Published(store, command.Release));
        return await ChangeAsync(
            () => ledger.OpenAsync(
                Store, Account, new RequestId(command.Request), RequestFingerprint.Of(command.Content), new ReleaseId(command.Release), command.Tier, ladder, cancellationToken),
            cancellationToken);
    }

    // The books of a deleted store are closed, so the ledger refuses by itself.
    public Task<ChargeOutcome> ChargeAsync(ChargeCommand command, CancellationToken cancellationToken) => ChangeAsync(
        () => ledger.ChargeAsync(
            Store, Account, new RequestId(command.Request), RequestFingerprint.Of(command.Content), new PrivacyAmount(command.MuSquared, command.Slack), cancellationToken),
        cancellationToken);

    public async Task<ChargeOutcome> SetLimitAsync(double epsilon, CancellationToken cancellationToken)
    {
        var store = await services.Directory.ReadActiveAsync(Store, cancellationToken);
        var limit = new PrivacyLimit(Epsilon.Budget(epsilon), new Delta(store.Value.Definition.Delta));
        return await ChangeAsync(() => ledger.SetLimitAsync(Store, Account, limit, cancellationToken), cancellationToken);
    }

    private async Task<ChargeOutcome> ChangeAsync(Func<Task<LedgerDecision>> change, CancellationToken cancellationToken)
    {
        LedgerDecision decision;
        try
        {
            decision = await change();
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
            _changes++;
            _state = null;
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
}
