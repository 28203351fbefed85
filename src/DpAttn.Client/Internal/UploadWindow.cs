using DpAttn.Contracts;

namespace DpAttn.Client.Internal;

/// <summary>A few uploads under way at once. One producer adds; what has become durable is counted and reported in order of arrival.</summary>
internal sealed class UploadWindow(int size, Func<CutBatch, CancellationToken, Task<AppendResult>> upload, IProgress<long>? progress)
{
    private readonly List<Task> _underWay = [];
    private readonly Lock _gate = new();
    private long _durable;

    /// <summary>Starts an upload, after waiting for a free place. Fails as soon as an earlier one has failed.</summary>
    public async Task AddAsync(CutBatch batch, CancellationToken cancellationToken)
    {
        while (_underWay.Count >= size || _underWay.Any(task => task.IsCompleted))
        {
            var done = await Task.WhenAny(_underWay).ConfigureAwait(false);
            _underWay.Remove(done);
            await done.ConfigureAwait(false);
        }
        _underWay.Add(RunAsync(batch, cancellationToken));
    }

    /// <summary>Waits for all; the number of rows that are durable.</summary>
    public async Task<long> CompleteAsync()
    {
        await Task.WhenAll(_underWay).ConfigureAwait(false);
        return _durable;
    }

    /// <summary>Waits for all, after a failure that matters more than theirs.</summary>
    public async Task DrainAsync() => await Task.WhenAll(_underWay).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task RunAsync(CutBatch batch, CancellationToken cancellationToken)
    {
        var result = await upload(batch, cancellationToken).ConfigureAwait(false);
        if (result.Slots != batch.Rows)
            throw new DpAttentionException($"the server acknowledged {result.Slots} rows of batch {batch.Number}, which has {batch.Rows}: another upload has used the same batch prefix");
        lock (_gate)
        {
            _durable += batch.Rows;
            progress?.Report(_durable);
        }
    }
}
