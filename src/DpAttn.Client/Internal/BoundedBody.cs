namespace DpAttn.Client.Internal;

/// <summary>Reads an answer's body up to a cap. What the header announces is not allocated before it arrives.</summary>
internal static class BoundedBody
{
    private const int FirstBytes = 16 * 1024;

    /// <summary>The body, or null when it is longer than <paramref name="cap"/>.</summary>
    public static async Task<ArraySegment<byte>?> ReadAsync(HttpContent content, int cap, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > cap)
            return null;
        using var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var buffer = new byte[Math.Min(FirstBytes, cap)];
        for (var length = 0; ;)
        {
            if (length == buffer.Length)
            {
                if (length == cap)
                    return await stream.ReadAsync(new byte[1], cancellationToken).ConfigureAwait(false) == 0 ? new ArraySegment<byte>(buffer) : (ArraySegment<byte>?)null;
                Array.Resize(ref buffer, (int)Math.Min(cap, 2L * length));
            }
            var got = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (got == 0)
                return new ArraySegment<byte>(buffer, 0, length);
            length += got;
        }
    }
}
