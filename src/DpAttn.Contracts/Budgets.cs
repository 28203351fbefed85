namespace DpAttn.Contracts;

/// <summary>Sets a limit: an account's for a store, the first of which is its grant, or a store's own.</summary>
/// <param name="Epsilon">The limit, at the store's delta.</param>
public sealed record LimitRequest(double Epsilon);

/// <summary>Finds the account of a subject that a key was made for, or of a subject of the issuer of tokens. The name travels in the body only.</summary>
/// <param name="Subject">The name that keys were made for, or the issuer's name of the subject.</param>
/// <param name="Issuer">The issuer (iss) of the subject's tokens; null for a subject of keys. Its account is made where it has none yet, so that it can be granted before the first token comes.</param>
public sealed record AccountLookup(string Subject, string? Issuer = null);

/// <summary>An account's id.</summary>
/// <param name="Account">Opaque and random.</param>
public sealed record AccountReference(string Account);

/// <summary>A tier that an account has opened.</summary>
/// <param name="Release">The release.</param>
/// <param name="Tier">The best tier opened.</param>
public sealed record OpenedTier(string Release, int Tier);

/// <summary>How far a budget reaches at one tier.</summary>
/// <param name="Tier">The tier of the store's ladder.</param>
/// <param name="Epsilon">Its epsilon, at the store's delta.</param>
/// <param name="AboutMore">How many more answers (per-query), or openings of further releases, at this tier the account's limit admits.</param>
public sealed record TierReach(int Tier, double Epsilon, long AboutMore);

/// <summary>An account's budget at one store. Amounts are mu squared in units of 2^-40; each epsilon is that figure's own conversion.</summary>
public sealed record BudgetDescription
{
    /// <summary>The account.</summary>
    public required string Account { get; init; }

    /// <summary>The store's delta, of every epsilon here.</summary>
    public required double Delta { get; init; }

    /// <summary>The limit, in epsilon.</summary>
    public required double Limit { get; init; }

    /// <summary>What is spent, in epsilon.</summary>
    public required double Spent { get; init; }

    /// <summary>The most that one further charge may cost, in epsilon.</summary>
    public required double Remaining { get; init; }

    /// <summary>The limit in ledger units.</summary>
    public required long LimitUnits { get; init; }

    /// <summary>What is spent, in ledger units.</summary>
    public required long SpentUnits { get; init; }

    /// <summary>Tiers opened.</summary>
    public required IReadOnlyList<OpenedTier> Opened { get; init; }

    /// <summary>How far what remains reaches, per tier of the store's ladder. The store's own limit may end it earlier.</summary>
    public IReadOnlyList<TierReach>? Reach { get; init; }
}

/// <summary>A store's budgets, for its owner.</summary>
/// <param name="Delta">The store's delta.</param>
/// <param name="Limit">The limit of all users together, in epsilon.</param>
/// <param name="Spent">What all users together could learn, in epsilon.</param>
/// <param name="Remaining">The most that one further charge may cost, in epsilon.</param>
/// <param name="Accounts">One page of accounts.</param>
/// <param name="Next">The cursor of the next page, or null.</param>
public sealed record StoreBudgets(double Delta, double Limit, double Spent, double Remaining, IReadOnlyList<BudgetDescription> Accounts, string? Next = null);

/// <summary>One entry of a ledger.</summary>
/// <param name="Sequence">Counted from 1 per account, without gaps but for those that an acknowledgement skips.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Kind">limit, open, charge or acknowledgement.</param>
/// <param name="Units">mu squared charged, or the limit, in units of 2^-40.</param>
/// <param name="Epsilon">That figure's own conversion.</param>
/// <param name="Delta">At the store's delta.</param>
/// <param name="Request">The request's id, or null.</param>
/// <param name="Release">The release opened, or null.</param>
/// <param name="Tier">The tier opened, or null.</param>
public sealed record LedgerLine(long Sequence, DateTimeOffset At, string Kind, long Units, double Epsilon, double Delta, string? Request = null, string? Release = null, int? Tier = null);

/// <summary>A page of a ledger.</summary>
/// <param name="Entries">The entries, oldest first.</param>
/// <param name="Next">The cursor of the next page, or null.</param>
public sealed record LedgerPage(IReadOnlyList<LedgerLine> Entries, string? Next = null);
