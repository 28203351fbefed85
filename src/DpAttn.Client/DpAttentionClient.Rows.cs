using System.Numerics;
using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Lengths that are not a multiple of <paramref name="rows"/>, or an id that is none.</exception>
    /// <exception cref="DpAttentionException">Refused, or failed after all retries; with the same batch id it can be sent again.</exception>
    /// <remarks>The memory is read until the task completes.</remarks>
    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<float> keys, ReadOnlyMemory<float> values, int rows, bool clip = false, CancellationToken cancellationToken = default) =>
        AppendAsync<float>(store, batch, keys, values, rows, clip, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Lengths that are not a multiple of <paramref name="rows"/>, or an id that is none.</exception>
    /// <exception cref="DpAttentionException">Refused, or failed after all retries; with the same batch id it can be sent again.</exception>
    /// <remarks>The memory is read until the task completes.</remarks>
    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<double> keys, ReadOnlyMemory<double> values, int rows, bool clip = false, CancellationToken cancellationToken = default) =>
        AppendAsync<double>(store, batch, keys, values, rows, clip, cancellationToken);

    private Task<AppendResult> AppendAsync<T>(string store, string batch, ReadOnlyMemory<T> keys, ReadOnlyMemory<T> values, int rows, bool clip, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Identifiers.Require(batch);
        var keyDimension = Columns(keys.Length, rows, nameof(keys));
        var valueDimension = Columns(values.Length, rows, nameof(values));
        var call = new Call($"append to store '{store}'", HttpMethod.Post, StorePath(store) + (clip ? "/rows?clip=true" : "/rows"))
        {
            Key = batch,
            Body = () => new MultipartFormDataContent
            {
                { new NpyContent<T>(keys, rows, keyDimension), "keys", "keys.npy" },
                { new NpyContent<T>(values, rows, valueDimension), "values", "values.npy" },
            },
        };
        return _exchange.SendAsync(call, WireJson.Default.AppendResult, cancellationToken);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Rows of different dimensions, or an id that is none.</exception>
    /// <exception cref="DpAttentionException">
    /// A batch was refused, or failed after all retries. Batches under way are waited for; what is durable stays. The same rows with the same prefix and batch sizes go on where this stopped.
    /// </exception>
    /// <remarks>
    /// Batches are cut by <see cref="DpAttentionOptions.BatchBytes"/> and <see cref="DpAttentionOptions.BatchRows"/>; <see cref="DpAttentionOptions.UploadsInFlight"/> are under way at
    /// once. A row's memory is read before the next row is asked for. Batches that the store holds already are sent again, skipped by the server, and counted as durable.
    /// </remarks>
    public Task<long> AppendAsync(string store, string batchPrefix, IAsyncEnumerable<Row> rows, IProgress<long>? progress = null, bool clip = false, CancellationToken cancellationToken = default) =>
        UploadAsync(this, _options, store, batchPrefix, rows, progress, clip, cancellationToken);

    /// <summary>Streams rows in batches to any client.</summary>
    internal static async Task<long> UploadAsync(
        IDpAttentionClient client, DpAttentionOptions options, string store, string batchPrefix, IAsyncEnumerable<Row> rows, IProgress<long>? progress, bool clip, CancellationToken cancellationToken)
    {
        Identifiers.PathSegment(store);
        Identifiers.Require(batchPrefix, Identifiers.LongestPrefix);
        ArgumentNullException.ThrowIfNull(rows);
        var cutter = new BatchCutter(options.BatchBytes, options.BatchRows);
        var window = new UploadWindow(
            options.UploadsInFlight,
            (batch, token) => client.AppendAsync(store, $"{batchPrefix}-{batch.Number:00000000}", batch.Keys, batch.Values, batch.Rows, clip, token),
            progress);
        try
        {
            await foreach (var row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                if (cutter.Add(row) is { } batch)
                    await window.AddAsync(batch, cancellationToken).ConfigureAwait(false);
            }
            if (cutter.Finish() is { } rest)
                await window.AddAsync(rest, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await window.DrainAsync().ConfigureAwait(false);
            throw;
        }
        return await window.CompleteAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task EraseRowAsync(string store, string batch, int index, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        var call = new Call($"erase a row of store '{store}'", HttpMethod.Delete, $"{StorePath(store)}/rows/{Identifiers.PathSegment(batch)}/{index}") { Key = NewKey() };
        return _exchange.SendAsync(call, cancellationToken);
    }

    internal static int Columns(int length, int rows, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        return length > 0 && length % rows == 0
            ? length / rows
            : throw new ArgumentException($"{name} hold {length} numbers, which are no {rows} rows of at least one", name);
    }
}
