using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A charge, or a tier to be opened, that waits for its lane. It may be decided several times (again alone, again with the store's row); its outcome is told once.</summary>
internal sealed class ChargeRequest(string name, StoreId store, AccountId account, RequestId request, RequestFingerprint fingerprint)
{
    private const int Queued = 0;
    private const int Begun = 1;
    private const int GivenUp = 2;

    private readonly TaskCompletionSource<LedgerDecision> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state;

    /// <summary>What it does, for messages.</summary>
    public string Name => name;

    public string Store { get; } = store.Value;

    public string Account { get; } = account.Value;

    public string Request { get; } = request.Value;

    public AccountId AccountId => account;

    public RequestId RequestId => request;

    public RequestFingerprint Fingerprint => fingerprint;

    /// <summary>What a charge costs.</summary>
    public PrivacyAmount Cost { get; init; }

    /// <summary>The release of which a tier is opened; null for a charge.</summary>
    public ReleaseId? Release { get; init; }

    /// <summary>The tier to be opened.</summary>
    public int Tier { get; init; }

    /// <summary>The release's prices.</summary>
    public ITierCosts? Costs { get; init; }

    public Task<LedgerDecision> Outcome => _outcome.Task;

    /// <summary>Takes it from the queue; false when the caller gave up first.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Begun, Queued) == Queued;

    /// <summary>The caller gives up: not executed if still queued, otherwise of unknown outcome.</summary>
    public void GiveUp(CancellationToken cancellationToken)
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Queued) == Queued)
            _outcome.TrySetCanceled(cancellationToken);
        else
            Fail(new StorageOutcomeUnknownException($"{name}: given up after it had begun; whether the change was made is unknown"));
    }

    public void Complete(LedgerDecision decision) => _outcome.TrySetResult(decision);

    public void Fail(Exception failure) => _outcome.TrySetException(failure);
}
