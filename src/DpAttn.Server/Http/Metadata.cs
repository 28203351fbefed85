namespace DpAttn.Server.Http;

/// <summary>An endpoint of the admin listener: it asks for no credential, and is nowhere else.</summary>
internal sealed class AdminOnly;

/// <summary>A page for browsers, whose password dialogue may carry the key.</summary>
internal sealed class BrowserPage;

/// <summary>The code that this endpoint answers when the storage cannot be reached.</summary>
/// <param name="Code">The code.</param>
internal sealed record StorageProblem(string Code);
