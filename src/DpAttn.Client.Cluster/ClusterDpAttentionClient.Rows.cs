using DpAttn.Client.Internal;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Client;

internal sealed partial class ClusterDpAttentionClient
{
    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<float> keys, ReadOnlyMemory<float> values, int rows, bool clip = false, CancellationToken cancellationToken = default)
    {
        var shape = new BatchShape(rows, DpAttentionClient.Columns(keys.Length, rows, nameof(keys)), false, DpAttentionClient.Columns(values.Length, rows, nameof(values)), false, false);
        return AppendAsync(store, batch, shape, clip, cancellationToken, content =>
        {
            Numbers.Write(keys.Span, content);
            Numbers.Write(values.Span, content.AsSpan((int)shape.KeyBytes));
        });
    }

    public Task<AppendResult> AppendAsync(string store, string batch, ReadOnlyMemory<double> keys, ReadOnlyMemory<double> values, int rows, bool clip = false, CancellationToken cancellationToken = default)
    {
        var shape = new BatchShape(rows, DpAttentionClient.Columns(keys.Length, rows, nameof(keys)), true, DpAttentionClient.Columns(values.Length, rows, nameof(values)), true, false);
        return AppendAsync(store, batch, shape, clip, cancellationToken, content =>
        {
            Numbers.Write(keys.Span, content);
            Numbers.Write(values.Span, content.AsSpan((int)shape.KeyBytes));
        });
    }

    public Task<long> AppendAsync(string store, string batchPrefix, IAsyncEnumerable<Row> rows, IProgress<long>? progress = null, bool clip = false, CancellationToken cancellationToken = default) =>
        DpAttentionClient.UploadAsync(this, _options, store, batchPrefix, rows, progress, clip, cancellationToken);

    public Task EraseRowAsync(string store, string batch, int index, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return TellAsync($"erase a row of store '{store}'", new DoorRequest(Operations.EraseRow, Identifiers.Require(store), Identifiers.Require(batch), index), cancellationToken);
    }

    private Task<AppendResult> AppendAsync(string store, string batch, BatchShape shape, bool clip, CancellationToken cancellationToken, Action<byte[]> write)
    {
        Identifiers.Require(store);
        Identifiers.Require(batch);
        if (shape.Bytes > Array.MaxLength)
            throw new ArgumentException($"a batch of {shape.KeyBytes} and {shape.ValueBytes} bytes is too large for one call");
        var content = new byte[shape.Bytes];
        write(content);
        return RunAsync($"append to store '{store}'", (credential, token) => door.AppendAsync(credential, store, batch, shape, clip, content, token), cancellationToken, batch);
    }
}
