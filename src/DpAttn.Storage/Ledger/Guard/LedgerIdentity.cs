namespace DpAttn.Storage;

/// <summary>Which database this is and which witness it is paired with; both random, made once.</summary>
/// <param name="Database">The database.</param>
/// <param name="Witness">The witness; null before the first pairing.</param>
internal sealed record LedgerIdentity(string Database, string? Witness);
