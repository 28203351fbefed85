using System.Runtime.CompilerServices;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Files;

/// <summary>Rows of a file on their way into a store: read, checked, and looked at twice, once as a whole and once to be sent.</summary>
/// <param name="source">The file.</param>
/// <param name="limits">Caps of the readers.</param>
/// <param name="store">The store, with its bounds.</param>
/// <param name="clip">Whether rows out of bounds are moved inside.</param>
internal sealed class RowReading(RowFileSource source, RowFileLimits limits, StoreDescription store, bool clip)
{
    /// <summary>What the whole file holds.</summary>
    /// <param name="Rows">Rows.</param>
    /// <param name="Moved">Rows that clipping moved.</param>
    /// <param name="Digest">The rows' digest.</param>
    public sealed record Summary(long Rows, long Moved, string Digest);

    /// <summary>Reads and checks every row, and sends none.</summary>
    /// <exception cref="RowFileException">The file is not what it should be, or a row is out of bounds.</exception>
    public async Task<Summary> CheckAsync(int batchBytes, int batchRows, Action<double>? progress, CancellationToken cancellationToken)
    {
        using var file = await RowFiles.OpenAsync(source, limits, cancellationToken).ConfigureAwait(false);
        var bounds = new StoreBounds(store, file, clip);
        using var digest = new RowDigest(store.Incarnation, file.KeyDimension, file.ValueDimension, batchBytes, batchRows);
        var block = RowBlock.For(file);
        long rows = 0, moved = 0;
        while (true)
        {
            await file.ReadAsync(block, cancellationToken).ConfigureAwait(false);
            if (block.Count == 0)
                return new Summary(rows, moved, digest.Finish());
            moved += bounds.Apply(file.Name, block, rows);
            digest.Add(block);
            rows += block.Count;
            progress?.Invoke(file.Length == 0 ? 0 : (double)file.Position / file.Length);
        }
    }

    /// <summary>The rows, one after the other; each one's memory is that of the block, until the next is asked for.</summary>
    /// <param name="expected">How many there were when the file was checked.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="RowFileException">The file has changed.</exception>
    public async IAsyncEnumerable<Row> ReadAsync(long expected, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var file = await RowFiles.OpenAsync(source, limits, cancellationToken).ConfigureAwait(false);
        var bounds = new StoreBounds(store, file, clip);
        var block = RowBlock.For(file);
        for (long rows = 0; ; rows += block.Count)
        {
            await file.ReadAsync(block, cancellationToken).ConfigureAwait(false);
            if (block.Count == 0 ? rows != expected : rows + block.Count > expected)
                throw new RowFileException(file.Name, $"the file has changed while it was loaded: it had {expected} rows");
            if (block.Count == 0)
                yield break;
            bounds.Apply(file.Name, block, rows);
            for (var i = 0; i < block.Count; i++)
                yield return new Row(block.Key(i), block.Value(i));
        }
    }
}
