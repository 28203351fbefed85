using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Histories;

/// <summary>One thing that is asked of a ledger, of the real one and of the one in memory; what both say can be compared.</summary>
/// <param name="Pause">Turns to spin before it, so that threads meet in different places.</param>
public abstract record Operation(int Pause)
{
    public static readonly AccountId[] Accounts = [new("a"), new("b")];
    public static readonly ReleaseId Release = new("r");
    public static readonly PrivacyLimit[] Limits = [.. new[] { 0.25, 0.3, 0.5 }.Select(epsilon => new PrivacyLimit(new Epsilon(epsilon), new Delta(1e-6)))];

    // From a tenth of the smallest limit to nearly all of it.
    internal static readonly Ladder Prices = new([.. new[] { 0.1, 0.4, 0.9 }.Select(part => (long)(part * Limits[0].Amount.MuSquared))]);

    /// <summary>Asks the real one.</summary>
    /// <returns>What it said: a decision, or totals.</returns>
    public abstract Task<object?> AskAsync(IBudgetLedger ledger, StoreId store);

    /// <summary>Asks the one in memory.</summary>
    public abstract object? Ask(PrivacyLedger model);

    private protected static RequestId Request(int number) => new($"q{number}");

    private protected static RequestFingerprint Fingerprint(byte content) => RequestFingerprint.Of([content]);
}

public sealed record Charge(int Pause, int Account, int Number, byte Body, double Part) : Operation(Pause)
{
    private PrivacyAmount Cost => new((long)(Part * Limits[0].Amount.MuSquared), 1);

    public override async Task<object?> AskAsync(IBudgetLedger ledger, StoreId store) =>
        await ledger.ChargeAsync(store, Accounts[Account], Request(Number), Fingerprint(Body), Cost);

    public override object? Ask(PrivacyLedger model) => model.Charge(Accounts[Account], Request(Number), Fingerprint(Body), Cost);
}

public sealed record Open(int Pause, int Account, int Number, byte Body, int Tier) : Operation(Pause)
{
    public override async Task<object?> AskAsync(IBudgetLedger ledger, StoreId store) =>
        await ledger.OpenAsync(store, Accounts[Account], Request(Number), Fingerprint(Body), Release, Tier, Prices);

    public override object? Ask(PrivacyLedger model) => model.Open(Accounts[Account], Request(Number), Fingerprint(Body), Release, Tier);
}

public sealed record SetLimit(int Pause, int Account, int Level) : Operation(Pause)
{
    public override async Task<object?> AskAsync(IBudgetLedger ledger, StoreId store) => await ledger.SetLimitAsync(store, Accounts[Account], Limits[Level]);

    public override object? Ask(PrivacyLedger model) => model.SetLimit(Accounts[Account], Limits[Level].Amount);
}

public sealed record SetStoreLimit(int Pause, int Level) : Operation(Pause)
{
    public override async Task<object?> AskAsync(IBudgetLedger ledger, StoreId store) => await ledger.SetStoreLimitAsync(store, Limits[Level]);

    public override object? Ask(PrivacyLedger model) => model.SetStoreLimit(Limits[Level].Amount);
}

public sealed record ReadAccount(int Pause, int Account) : Operation(Pause)
{
    public override async Task<object?> AskAsync(IBudgetLedger ledger, StoreId store) => await ledger.ReadAccountAsync(store, Accounts[Account]) is { } budget
        ? (budget.Limit, budget.Spent, budget.OpenTiers.TryGetValue(Release, out var tier) ? tier : (int?)null)
        : null;

    public override object? Ask(PrivacyLedger model) =>
        model.Limit(Accounts[Account]) is { } limit ? (limit, model.Spent(Accounts[Account]), model.OpenTier(Accounts[Account], Release)) : null;
}

public sealed record ReadStore(int Pause) : Operation(Pause)
{
    public override async Task<object?> AskAsync(IBudgetLedger ledger, StoreId store) =>
        await ledger.ReadStoreAsync(store) is { } budget ? (budget.Limit, budget.Spent) : null;

    public override object? Ask(PrivacyLedger model) => (model.StoreLimit, model.StoreSpent);
}
