using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>Numbers of any size between a silo and a client, in pieces of one message, a few under way at once.</summary>
internal static class Pieces
{
    private const int Window = 4;

    /// <summary>What the client offers: as it came with the call, or fetched from it.</summary>
    /// <exception cref="ProblemException">It is not as long as was said, or the client is silent.</exception>
    public static async Task<ReadOnlyMemory<byte>> FetchAsync(ITransfer client, long transfer, Block? inline, long bytes, CancellationToken cancellationToken)
    {
        if (inline is not null)
            return inline.Bytes.Length == bytes ? inline.Bytes : throw Mismatch(bytes, inline.Bytes.Length);
        if (bytes > Array.MaxLength)
            throw new ProblemException(ProblemCodes.TooLarge, $"{bytes} bytes are more than one request may have");
        var content = new byte[bytes];
        await Parallel.ForEachAsync(
            StartsOf(content.Length),
            new ParallelOptions { MaxDegreeOfParallelism = Window, CancellationToken = cancellationToken, TaskScheduler = TaskScheduler.Current },
            async (start, token) =>
            {
                var count = Math.Min(Block.MostBytes, content.Length - start);
                var piece = await FromClient(client.ReadAsync(transfer, start, count).WaitAsync(token), token);
                if (piece.Bytes.Length != count)
                    throw Mismatch(count, piece.Bytes.Length);
                piece.Bytes.CopyTo(content.AsMemory(start));
            });
        return content;
    }

    /// <summary>Brings the client an answer that is too large for one message.</summary>
    /// <returns>The answer, where it is not.</returns>
    public static async Task<Block?> BringAsync(ITransfer client, long transfer, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        if (content.Length <= Block.MostBytes)
            return new Block(content);
        foreach (var start in StartsOf(content.Length))
        {
            var piece = new Block(content.Slice(start, Math.Min(Block.MostBytes, content.Length - start)));
            await FromClient(Written(client.WriteAsync(transfer, content.Length, start, piece)), cancellationToken);
        }
        return null;

        async Task<bool> Written(Task write)
        {
            await write.WaitAsync(cancellationToken);
            return true;
        }
    }

    private static IEnumerable<int> StartsOf(int length)
    {
        for (var start = 0L; start < length; start += Block.MostBytes)
            yield return (int)start;
    }

    private static async Task<T> FromClient<T>(Task<T> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call;
        }
        catch (Exception e) when (e is not ProblemException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw new ProblemException(ProblemCodes.ShardUnavailable, "the front that asks does not answer", e);
        }
    }

    private static ProblemException Mismatch(long expected, long sent) => new(ProblemCodes.InvalidRequest, $"{sent} bytes were sent where {expected} belong");
}
