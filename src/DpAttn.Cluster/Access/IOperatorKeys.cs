namespace DpAttn.Cluster;

/// <summary>Operator keys that are made on the machine itself, without a credential: at first start, and when the old one is lost.</summary>
public interface IOperatorKeys
{
    /// <summary>Makes the first operator key, if no operator has a key that works.</summary>
    /// <returns>The whole key, to be shown once; null when there is one already.</returns>
    Task<string?> BootstrapAsync(CancellationToken cancellationToken = default);

    /// <summary>Makes another operator key.</summary>
    /// <returns>The whole key, to be shown once.</returns>
    Task<string> RecoverAsync(CancellationToken cancellationToken = default);
}

/// <inheritdoc/>
internal sealed class OperatorKeys(CredentialDirectory credentials) : IOperatorKeys
{
    public async Task<string?> BootstrapAsync(CancellationToken cancellationToken = default) =>
        (await credentials.BootstrapAsync(cancellationToken))?.Reveal();

    public async Task<string> RecoverAsync(CancellationToken cancellationToken = default) =>
        (await credentials.RecoverAsync(cancellationToken)).Reveal();
}
