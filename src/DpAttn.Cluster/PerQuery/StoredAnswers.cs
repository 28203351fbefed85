using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>The answers of one store's per-query requests: stored once under the account and the request, before they are sent, and served as they are stored.</summary>
internal sealed class StoredAnswers(StoreId store, ISegmentStore blobs)
{
    /// <summary>
    /// How long after its charge a request may still be answered for the first time, and how much longer than the retention an answer is stored. So an answer that was swept, under
    /// whatever retention, is of a request that nobody computes any more.
    /// </summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(1);

    /// <summary>What was stored for a request, or null.</summary>
    public Task<byte[]?> ReadAsync(AccountId account, RequestId request, CancellationToken cancellationToken) => blobs.ReadAsync(KeyOf(account, request), cancellationToken);

    /// <summary>Stores an answer, if none is stored.</summary>
    /// <returns>What is stored, whoever computed it: that, and nothing else, may be sent.</returns>
    public async Task<byte[]> PutAsync(AccountId account, RequestId request, byte[] answer, CancellationToken cancellationToken)
    {
        var key = KeyOf(account, request);
        var stored = await blobs.PutAsync(key, answer, cancellationToken);
        if (stored.Digest.Span.SequenceEqual(SHA256.HashData(answer)))
            return answer;
        return await blobs.ReadAsync(key, cancellationToken)
            ?? throw new StorageUnavailableException("the request's answer was stored by another and cannot be read");
    }

    /// <summary>Under which an answer is stored: ids may be long, and tell nothing they should not; the account's length keeps two pairs apart.</summary>
    public BlobKey KeyOf(AccountId account, RequestId request) =>
        new(store, BlobKind.Answer, Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{account.Value.Length}|{account.Value}|{request.Value}"))));
}
