namespace DpAttn.Cluster;

/// <summary>One account's budget at one store: a cache of the durable ledger, which decides. Keyed by incarnation/account.</summary>
[Alias(WireNames.BudgetGrain)]
internal interface IBudgetGrain : IGrainWithStringKey
{
    /// <summary>The account's totals, or null without a grant.</summary>
    [Alias("Get")]
    Task<AccountState?> GetAsync(CancellationToken cancellationToken);

    /// <summary>What a request of this id was recorded for, or null.</summary>
    [Alias("Find")]
    Task<RecordedRequest?> FindAsync(string request, CancellationToken cancellationToken);

    /// <summary>Opens a tier, durable when it returns; the same request is charged once.</summary>
    [Alias("Open")]
    Task<ChargeOutcome> OpenAsync(OpenCommand command, CancellationToken cancellationToken);

    /// <summary>Charges for a per-query answer, durable when it returns; the same request is charged once.</summary>
    [Alias("Charge")]
    Task<ChargeOutcome> ChargeAsync(ChargeCommand command, CancellationToken cancellationToken);

    /// <summary>Sets the account's limit, in epsilon; refused below what is spent.</summary>
    [Alias("SetLimit")]
    Task<ChargeOutcome> SetLimitAsync(double epsilon, CancellationToken cancellationToken);
}
