using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>What can be wrong with a ledger.</summary>
public enum LedgerFaultKind
{
    /// <summary>Books are behind their witness: the database is an older copy.</summary>
    Behind,

    /// <summary>Books have gone another way than their witness saw.</summary>
    OtherHistory,

    /// <summary>Books that the witness knows are missing.</summary>
    BookMissing,

    /// <summary>Entries were changed.</summary>
    EntryChanged,

    /// <summary>Entries are missing.</summary>
    EntryMissing,

    /// <summary>Totals or limits were changed, or do not agree with their entries.</summary>
    TotalChanged,

    /// <summary>Opened tiers were changed, or do not agree with their entries.</summary>
    TierChanged,

    /// <summary>The witness is lost, or is that of another database.</summary>
    WitnessLost,
}

/// <summary>One kind of fault of a store's ledger.</summary>
/// <param name="Kind">What.</param>
/// <param name="Books">In how many books: for the store's owner and operators alone, since every account has one.</param>
public sealed record LedgerFault(LedgerFaultKind Kind, long Books)
{
    /// <summary>In words for users: no account, no amount, and not how many accounts.</summary>
    public string Text => Kind switch
    {
        LedgerFaultKind.Behind => "books are behind the witness, as after an older copy of the database was put in its place",
        LedgerFaultKind.OtherHistory => "books have gone another way than the witness saw, as when an older copy of the database was written on",
        LedgerFaultKind.BookMissing => "books that the witness knows are missing from the database",
        LedgerFaultKind.EntryChanged => "entries were changed in the database",
        LedgerFaultKind.EntryMissing => "entries are missing from the database",
        LedgerFaultKind.TotalChanged => "totals were changed in the database",
        LedgerFaultKind.TierChanged => "opened tiers were changed in the database",
        _ => "the witness beside the database is lost, or belongs to another database (if it was only moved, name its place in the settings and start again)",
    };
}

/// <summary>What the verification of a store's ledger found.</summary>
/// <param name="Store">The store.</param>
/// <param name="Books">How many books it has.</param>
/// <param name="Entries">How many entries they hold.</param>
/// <param name="Faults">What is wrong; empty when nothing is.</param>
public sealed record LedgerReport(StoreId Store, long Books, long Entries, IReadOnlyList<LedgerFault> Faults)
{
    /// <summary>All of it in one sentence; null without faults.</summary>
    public string? Reason => Faults.Count == 0 ? null : string.Join("; ", Faults.Select(fault => fault.Text));
}

/// <summary>What an acknowledgement did.</summary>
/// <param name="Store">The store.</param>
/// <param name="Reason">Why it was suspended.</param>
/// <param name="Books">How many books were written anew.</param>
/// <param name="Charged">What was added to the store's total.</param>
public sealed record LedgerAcknowledgement(StoreId Store, string Reason, int Books, PrivacyAmount Charged);
