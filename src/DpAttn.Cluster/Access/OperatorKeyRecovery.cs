using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>An operator key for whoever holds the machine and the key file, while no server runs.</summary>
public static class OperatorKeyRecovery
{
    /// <summary>Makes an operator key; the audit log says that it was made this way.</summary>
    /// <returns>The whole key, to be shown once.</returns>
    public static async Task<string> RecoverAsync(ICatalog catalog, SecretProtector protector, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(protector);
        var credentials = new CredentialDirectory(catalog, new IndexKey(catalog, protector), new Generation(catalog), TimeProvider.System);
        return (await credentials.RecoverAsync(cancellationToken)).Reveal();
    }
}
