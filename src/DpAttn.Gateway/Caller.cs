using DpAttn.Contracts;

namespace DpAttn.Gateway;

/// <summary>Who a credential belongs to, as the cluster tells it. Nothing is decided by it: the credential is authenticated again with every call.</summary>
internal sealed record Caller(string Account, string Role);

/// <summary>A store, and whether it was made now.</summary>
internal sealed record EnsuredStore(StoreDescription Store, bool IsNew);
