namespace DpAttn.Contracts;

/// <summary>Makes an API key.</summary>
/// <param name="Subject">Who it is for. All keys of one subject are one account.</param>
/// <param name="Role">operator, owner or user.</param>
public sealed record KeyRequest(string Subject, string Role);

/// <summary>A new key. The secret is shown this once and stored only as a hash.</summary>
/// <param name="Id">Its id, the public part of the key.</param>
/// <param name="Key">The whole key, for the Authorization header.</param>
/// <param name="Account">The account it charges.</param>
/// <param name="Role">Its role.</param>
public sealed record KeyCreated(string Id, string Key, string Account, string Role);

/// <summary>A key without its secret.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Account">Its account.</param>
/// <param name="Role">Its role.</param>
/// <param name="Created">When it was made, UTC.</param>
/// <param name="Revoked">When it was revoked, or null.</param>
public sealed record KeyDescription(string Id, string Account, string Role, DateTimeOffset Created, DateTimeOffset? Revoked = null);

/// <summary>A list of keys.</summary>
/// <param name="Keys">The keys.</param>
public sealed record KeyList(IReadOnlyList<KeyDescription> Keys);

/// <summary>One line of the audit log. It names accounts, never users.</summary>
/// <param name="Sequence">Counted from 1 without gaps.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Action">What, such as key.create.</param>
/// <param name="Actor">The account that did it.</param>
/// <param name="Store">The store's incarnation, or null.</param>
/// <param name="Target">What it was done to, or null.</param>
/// <param name="Detail">Further public detail, or null.</param>
public sealed record AuditLine(long Sequence, DateTimeOffset At, string Action, string Actor, string? Store = null, string? Target = null, string? Detail = null);

/// <summary>A page of the audit log.</summary>
/// <param name="Entries">The entries, oldest first.</param>
/// <param name="Next">The sequence to go on after, or null.</param>
public sealed record AuditPage(IReadOnlyList<AuditLine> Entries, long? Next = null);
