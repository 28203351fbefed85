namespace DpAttn.Privacy;

/// <summary>Which fields each kind of entry states. A ledger writes no other; one that is read back must be one of these.</summary>
internal static class LedgerEntryShape
{
    public static bool IsWellFormed(LedgerEntry entry)
    {
        if (!entry.AccountAmount.IsNonNegative || !entry.StoreAmount.IsNonNegative)
            return false;
        return entry.Kind switch
        {
            LedgerEntryKind.StoreLimit => entry.Account is null && StatesNoRequest(entry) && entry.AccountAmount == PrivacyAmount.Zero,
            LedgerEntryKind.AccountLimit => entry.Account is { IsStated: true } && StatesNoRequest(entry) && entry.StoreAmount == PrivacyAmount.Zero,
            LedgerEntryKind.Open => StatesRequest(entry) && entry.Release is { IsStated: true } && entry.Tier >= 0,
            LedgerEntryKind.Charge => StatesRequest(entry) && entry.Release is null && entry.Tier is null,
            _ => false,
        };
    }

    private static bool StatesRequest(LedgerEntry entry) =>
        entry.Account is { IsStated: true } && entry.Request is { IsStated: true } && entry.Fingerprint.IsStated;

    private static bool StatesNoRequest(LedgerEntry entry) =>
        entry.Request is null && !entry.Fingerprint.IsStated && entry.Release is null && entry.Tier is null;
}
