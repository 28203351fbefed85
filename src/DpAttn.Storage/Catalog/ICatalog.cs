using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A versioned row.</summary>
/// <param name="Kind">The table it belongs to, such as store or release.</param>
/// <param name="Key">Its key within the kind.</param>
/// <param name="Version">1 when it was made, one more at every change.</param>
/// <param name="Content">Its content, opaque to the storage.</param>
public sealed record CatalogRow(string Kind, string Key, long Version, ReadOnlyMemory<byte> Content);

/// <summary>A change of one row, made only if its version is still the expected one.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Key">The key.</param>
/// <param name="ExpectedVersion">The version read; 0 for a row that must not exist.</param>
/// <param name="Content">The new content; null to delete the row.</param>
public sealed record CatalogWrite(string Kind, string Key, long ExpectedVersion, ReadOnlyMemory<byte>? Content);

/// <summary>A row whose version must be as expected, without changing it.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Key">The key.</param>
/// <param name="ExpectedVersion">The version; 0 for a row that must not exist.</param>
public sealed record CatalogAssertion(string Kind, string Key, long ExpectedVersion);

/// <summary>What goes into the audit log: ids, never names or rows.</summary>
/// <param name="Action">What, such as key.create.</param>
/// <param name="Actor">The account that did it.</param>
/// <param name="Store">The store, or null.</param>
/// <param name="Target">What it was done to, or null.</param>
/// <param name="Detail">Further public detail, or null.</param>
public sealed record AuditEvent(string Action, string Actor, StoreId? Store, string? Target, string? Detail);

/// <summary>A line of the audit log.</summary>
/// <param name="Sequence">Counted from 1 without gaps.</param>
/// <param name="At">UTC.</param>
/// <param name="Event">The event.</param>
public sealed record AuditRow(long Sequence, DateTimeOffset At, AuditEvent Event);

/// <summary>Changes that are made together or not at all.</summary>
public sealed record CatalogCommit
{
    /// <summary>Rows to write.</summary>
    public IReadOnlyList<CatalogWrite> Writes { get; init; } = [];

    /// <summary>Rows that must not have changed.</summary>
    public IReadOnlyList<CatalogAssertion> Assertions { get; init; } = [];

    /// <summary>Blobs that must be there, so that no directory ever names one that was swept.</summary>
    public IReadOnlyList<BlobKey> RequiredBlobs { get; init; } = [];

    /// <summary>Blobs (all their parts) that go in the same transaction.</summary>
    public IReadOnlyList<BlobKey> DeletedBlobs { get; init; } = [];

    /// <summary>Lines for the audit log.</summary>
    public IReadOnlyList<AuditEvent> Audit { get; init; } = [];
}

/// <summary>Names, schemas, directories (a row per segment), releases, keys and the audit log: versioned rows with compare-and-set.</summary>
public interface ICatalog
{
    /// <summary>A row, or null.</summary>
    Task<CatalogRow?> ReadAsync(string kind, string key, CancellationToken cancellationToken = default);

    /// <summary>Rows of a kind whose key starts with a prefix, in ordinal order of their keys, after one of them.</summary>
    Task<IReadOnlyList<CatalogRow>> ListAsync(string kind, string keyPrefix, string? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>Makes all changes in one transaction.</summary>
    /// <returns>False when a version, an assertion or a required blob was not as expected; nothing was changed then.</returns>
    Task<bool> CommitAsync(CatalogCommit commit, CancellationToken cancellationToken = default);

    /// <summary>The audit log after a sequence, oldest first.</summary>
    Task<IReadOnlyList<AuditRow>> ListAuditAsync(long after, int limit, CancellationToken cancellationToken = default);
}
