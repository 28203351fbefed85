using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// The totals of a store or of an account, as a row keeps them, and the states that follow from it. Values are made here, the same on every database; what
/// is written is guarded by <see cref="Version"/>.
/// </summary>
/// <param name="Id">The row's own key; not part of what is authenticated, since entries are bound to the store and the account.</param>
/// <param name="Store">The store.</param>
/// <param name="Account">The account, or <see cref="StoreItself"/>.</param>
/// <param name="StatedEpsilon">The epsilon that the limit was stated at.</param>
/// <param name="StatedDelta">Its delta.</param>
/// <param name="Limit">The limit.</param>
/// <param name="Spent">What is spent. A store's includes what its accounts have reserved and not used.</param>
/// <param name="Sequence">The sequence of its last entry.</param>
/// <param name="Version">Counts every change of the row: what the witness compares. An account's is its sequence.</param>
/// <param name="IsClosed">Closed for ever; meant for the store's.</param>
/// <param name="Head">The MAC of its last entry.</param>
internal sealed record LedgerBook(
    long Id,
    string Store,
    string Account,
    double StatedEpsilon,
    double StatedDelta,
    PrivacyAmount Limit,
    PrivacyAmount Spent,
    long Sequence,
    long Version,
    bool IsClosed,
    byte[] Head)
{
    /// <summary>In place of an account: the store itself.</summary>
    public const string StoreItself = "";

    /// <summary>
    /// Of an account what is left of its slab, of a store how far its total has fallen below the highest it ever was, since slabs are given back to it; zero where charges go to the
    /// store one by one.
    /// </summary>
    public PrivacyAmount Reserved { get; init; }

    /// <summary>Whether it is the store's own.</summary>
    public bool IsOfStore => Account.Length == 0;

    /// <summary>The highest that a store's total ever was, whatever somebody wrote into the row.</summary>
    public PrivacyAmount Highest => (default(WideAmount) + Spent + Reserved).Max();

    /// <summary>A book without entries.</summary>
    public static LedgerBook Empty(long id, string store, string account) =>
        new(id, store, account, 0, 0, PrivacyAmount.Zero, PrivacyAmount.Zero, 0, 0, IsClosed: false, LedgerChain.Beginning);

    /// <summary>After an entry that states a limit.</summary>
    public LedgerBook WithLimit(PrivacyLimit limit, long sequence, byte[] head) => this with
    {
        StatedEpsilon = limit.Epsilon.Value,
        StatedDelta = limit.Delta.Value,
        Limit = limit.Amount,
        Sequence = sequence,
        Version = IsOfStore ? Version + 1 : sequence,
        Head = head,
    };

    /// <summary>An account's after an entry that charges it.</summary>
    public LedgerBook WithEntry(PrivacyAmount cost, long sequence, byte[] head) => this with { Spent = Spent + cost, Sequence = sequence, Version = sequence, Head = head };

    /// <summary>A store's after a charge that stands in an account's book, or after a slab that was given out or (negative) given back.</summary>
    public LedgerBook WithSpent(PrivacyAmount cost) => this with
    {
        Spent = Spent + cost,
        Reserved = new PrivacyAmount(Math.Max(0, Reserved.MuSquared - cost.MuSquared), Math.Max(0, Reserved.Slack - cost.Slack)),
        Version = Version + 1,
    };

    /// <summary>Whether the same entries stand in both, whatever was charged between them; or whether there is neither.</summary>
    public static bool HaveSameEntries(LedgerBook? one, LedgerBook? other) =>
        one is null || other is null ? one is null && other is null : one.Sequence == other.Sequence && one.Head.AsSpan().SequenceEqual(other.Head);

    /// <summary>A store's, closed for ever.</summary>
    public LedgerBook Close() => this with { IsClosed = true, Version = Version + 1 };

    public bool HasLimit(PrivacyLimit limit) =>
        StatedEpsilon == limit.Epsilon.Value && StatedDelta == limit.Delta.Value && Limit == limit.Amount;

    public StoreBudget ToStoreBudget(string? suspension, PrivacyAmount reserved = default) =>
        new(new Epsilon(StatedEpsilon), Limit, Spent - reserved, IsClosed, suspension, reserved);

    public AccountBudget ToAccountBudget(IReadOnlyDictionary<ReleaseId, int> openTiers) =>
        new(new AccountId(Account), new Epsilon(StatedEpsilon), Limit, Spent, Sequence, openTiers);

    /// <summary>What the witness is told of it. Of a store the highest that its total ever was: what the witness compares only grows.</summary>
    /// <param name="mac">The MAC of the row.</param>
    public WitnessMark ToMark(byte[] mac) => IsOfStore
        ? new(new StoreId(Store), null, Version, Highest, mac)
        : new(new StoreId(Store), new AccountId(Account), Version, Spent, Head);

    /// <summary>The same of a book that is authentic.</summary>
    public WitnessMark ToMark(LedgerChain chain) => ToMark(IsOfStore ? chain.OfBook(this) : []);
}
