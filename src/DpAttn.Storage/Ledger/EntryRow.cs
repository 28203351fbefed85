using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>
/// An entry as a database keeps it, before anything is believed of it: what the chain covers even when it is no entry that a ledger writes.
/// </summary>
/// <param name="Sequence">Its place in its book.</param>
/// <param name="Kind">The name of its kind.</param>
/// <param name="Request">The request's id, or null.</param>
/// <param name="Fingerprint">The request's fingerprint, 32 bytes, or null.</param>
/// <param name="Release">The release opened, or null.</param>
/// <param name="Tier">The tier opened, or null.</param>
/// <param name="StatedEpsilon">The epsilon that a limit was stated at, or null.</param>
/// <param name="StatedDelta">The delta that a limit was stated at, or null.</param>
/// <param name="AccountAmount">The account's amount.</param>
/// <param name="StoreAmount">The store's amount.</param>
/// <param name="WrittenAt">Microseconds since 1970, UTC.</param>
internal readonly record struct EntryRow(
    long Sequence,
    string Kind,
    string? Request,
    byte[]? Fingerprint,
    string? Release,
    long? Tier,
    double? StatedEpsilon,
    double? StatedDelta,
    PrivacyAmount AccountAmount,
    PrivacyAmount StoreAmount,
    long WrittenAt)
{
    /// <summary>The row of an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="limit">The limit as it was stated, for entries of limits.</param>
    /// <param name="now">The time.</param>
    public static EntryRow Of(LedgerEntry entry, PrivacyLimit? limit, DateTimeOffset now) => new(
        entry.Sequence,
        NameOf(entry.Kind),
        entry.Request?.Value,
        entry.Request is null ? null : Convert.FromHexString(entry.Fingerprint.Hex),
        entry.Release?.Value,
        entry.Tier,
        limit?.Epsilon.Value,
        limit?.Delta.Value,
        entry.AccountAmount,
        entry.StoreAmount,
        Timestamp.ToMicroseconds(now));

    /// <summary>The name of a kind in the database.</summary>
    public static string NameOf(LedgerEntryKind kind) => kind switch
    {
        LedgerEntryKind.StoreLimit => "store-limit",
        LedgerEntryKind.AccountLimit => "account-limit",
        LedgerEntryKind.Open => "open",
        LedgerEntryKind.Charge => "charge",
        LedgerEntryKind.Acknowledgement => "acknowledgement",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The entry, in the book of an account or (empty) of the store itself.</summary>
    /// <exception cref="StorageCorruptException">It is none that a ledger writes.</exception>
    public StoredLedgerEntry ToEntry(string account)
    {
        try
        {
            return new StoredLedgerEntry(Timestamp.FromMicroseconds(WrittenAt), new LedgerEntry(
                Sequence,
                KindOf(Kind),
                account.Length == 0 ? null : new AccountId(account),
                Request is null ? null : new RequestId(Request),
                Fingerprint is null ? default : ToFingerprint(Fingerprint),
                Release is null ? null : new ReleaseId(Release),
                Tier is null ? null : checked((int)Tier.Value),
                AccountAmount,
                StoreAmount));
        }
        catch (Exception failure) when (failure is ArgumentException or OverflowException)
        {
            throw new StorageCorruptException($"entry {Sequence} of a book is none that a ledger writes", failure);
        }
    }

    /// <exception cref="StorageCorruptException">Not 32 bytes.</exception>
    public static RequestFingerprint ToFingerprint(ReadOnlySpan<byte> stored) => stored.Length == 32
        ? RequestFingerprint.FromHex(Convert.ToHexStringLower(stored))
        : throw new StorageCorruptException("a fingerprint in the ledger is not what was written");

    /// <summary>Over the row alone, so that one that is read by itself can be checked.</summary>
    /// <param name="book">The key of the book it stands in.</param>
    /// <param name="mac">The MAC that stands in it.</param>
    public RowDigest Digest(long book, ReadOnlySpan<byte> mac)
    {
        var digest = new RowDigest("ledger_entry");
        digest.Add(book);
        AddTo(ref digest);
        digest.Add(mac);
        return digest;
    }

    /// <summary>Adds all of it to a digest.</summary>
    public void AddTo(ref RowDigest content)
    {
        content.Add(Sequence);
        content.Add(Kind);
        content.Add(Request);
        content.Add(Fingerprint is null ? -1L : 1L);
        content.Add(Fingerprint);
        content.Add(Release);
        content.Add(Tier ?? -1L);
        content.Add(StatedEpsilon ?? -1);
        content.Add(StatedDelta ?? -1);
        content.Add(AccountAmount);
        content.Add(StoreAmount);
        content.Add(WrittenAt);
    }

    private static LedgerEntryKind KindOf(string name) => name switch
    {
        "store-limit" => LedgerEntryKind.StoreLimit,
        "account-limit" => LedgerEntryKind.AccountLimit,
        "open" => LedgerEntryKind.Open,
        "charge" => LedgerEntryKind.Charge,
        "acknowledgement" => LedgerEntryKind.Acknowledgement,
        _ => throw new StorageCorruptException("a ledger entry is of no kind that this program knows"),
    };
}
