using System.Security.Cryptography;

namespace DpAttn.Client.Internal;

/// <summary>Copies a body that may be larger than memory, and believes it only when it is what its header says.</summary>
internal static class Download
{
    private const int PieceBytes = 128 * 1024;

    /// <summary>Copies a body.</summary>
    /// <exception cref="DpAttentionException">It was cut off, or its digest is another one.</exception>
    public static async Task<Outcome> CopyAsync(Call call, HttpResponseMessage response, Stream destination, CancellationToken deadline, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long length = 0;
        try
        {
            using var body = await response.Content.ReadAsStreamAsync(deadline).ConfigureAwait(false);
            var piece = new byte[PieceBytes];
            while (await body.ReadAsync(piece, deadline).ConfigureAwait(false) is > 0 and var got)
            {
                hash.AppendData(piece, 0, got);
                length += got;
                await destination.WriteAsync(piece.AsMemory(0, got), deadline).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new DpAttentionException($"{call.What}: cut off after {length} bytes: {Text.Clean(failure.Message)}", null, failure) { Status = response.StatusCode };
        }
        if (response.Content.Headers.ContentLength is { } announced && announced != length)
            throw Exchange.Malformed(call, response.StatusCode, $"{length} bytes long where {announced} were announced");
        var expected = $"sha-256=:{Convert.ToBase64String(hash.GetHashAndReset())}:";
        if (!response.Headers.TryGetValues("Content-Digest", out var digests) && !response.Content.Headers.TryGetValues("Content-Digest", out digests))
            throw Exchange.Malformed(call, response.StatusCode, "without the digest that it has to be checked against");
        return digests.Contains(expected)
            ? Outcome.Succeeded(new Reply(response.StatusCode, response.Content.Headers.ContentType?.MediaType, response.Headers, default))
            : throw Exchange.Malformed(call, response.StatusCode, "damaged: its digest differs");
    }
}
