using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// The keyed hashes that stand for names and rows in the catalog: whoever reads the database alone can neither list subjects nor guess rows. The key is made
/// once and never changes, so neither rotating nor mistyping another key can give a user a fresh budget.
/// </summary>
internal sealed class IndexKey(ICatalog catalog, SecretProtector protector)
{
    private WrappedKey? _key;

    /// <summary>What stands for a subject.</summary>
    public async ValueTask<string> OfSubjectAsync(string issuer, string subject, CancellationToken cancellationToken) =>
        (await KeyAsync(cancellationToken)).IndexOf("subject", issuer, subject);

    /// <summary>What stands for the rows of a batch: the digests of its segments.</summary>
    public async ValueTask<string> OfBatchAsync(string store, string batch, IEnumerable<string> digests, CancellationToken cancellationToken) =>
        (await KeyAsync(cancellationToken)).IndexOf("batch", store, batch, string.Join(',', digests));

    private async ValueTask<WrappedKey> KeyAsync(CancellationToken cancellationToken) =>
        _key ??= await WrappedKey.LoadOrCreateAsync(catalog, protector, "index", cancellationToken);
}
