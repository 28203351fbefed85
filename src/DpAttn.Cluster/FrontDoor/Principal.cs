using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>Who asks, as the credential says: the account that is charged is always this one, never a field of a request.</summary>
/// <param name="Account">The account.</param>
/// <param name="Role">One of <see cref="Contracts.Roles"/>.</param>
public record Principal(AccountId Account, string Role);
