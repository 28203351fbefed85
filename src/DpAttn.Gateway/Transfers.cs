using System.Collections.Concurrent;

namespace DpAttn.Gateway;

/// <summary>What a client has under way: contents that silos may fetch, and room for contents that they bring. Silos know them by a number that means nothing elsewhere.</summary>
internal sealed class Transfers(int mostBytes) : ITransfer
{
    private readonly ConcurrentDictionary<long, Transfer> _underWay = new();
    private long _last;

    /// <summary>Offers a content, which may be null, and waits for one in return, until the result is disposed.</summary>
    public Transfer Begin(ReadOnlyMemory<byte>? content)
    {
        var transfer = new Transfer(this, Interlocked.Increment(ref _last), content);
        _underWay[transfer.Id] = transfer;
        return transfer;
    }

    public Task<Block> ReadAsync(long transfer, int start, int count)
    {
        if (Find(transfer).Content is not { } content || start < 0 || count is < 0 or > Block.MostBytes || start > content.Length - count)
            throw new InvalidOperationException("no such piece is offered");
        return Task.FromResult(new Block(content.Slice(start, count)));
    }

    public Task WriteAsync(long transfer, int length, int start, Block piece)
    {
        if (length < 0 || length > mostBytes)
            throw new InvalidOperationException($"an answer of {length} bytes is more than the {mostBytes} that are taken");
        Find(transfer).Take(length, start, piece.Bytes.Span);
        return Task.CompletedTask;
    }

    private Transfer Find(long id) => _underWay.TryGetValue(id, out var found) ? found : throw new InvalidOperationException("it was given up");

    /// <summary>One of them.</summary>
    internal sealed class Transfer(Transfers owner, long id, ReadOnlyMemory<byte>? content) : IDisposable
    {
        private byte[]? _brought;
        private int _taken;

        public long Id => id;

        public ReadOnlyMemory<byte>? Content => content;

        /// <summary>What was brought, whole; null when it was not.</summary>
        public byte[]? Brought => _brought is not null && _taken == _brought.Length ? _brought : null;

        public void Take(int length, int start, ReadOnlySpan<byte> piece)
        {
            _brought ??= new byte[length];
            // Pieces come one after another, each once.
            if (length != _brought.Length || start != _taken || piece.Length > length - start)
                throw new InvalidOperationException("the pieces of an answer do not fit together");
            piece.CopyTo(_brought.AsSpan(start));
            _taken += piece.Length;
        }

        public void Dispose() => owner._underWay.TryRemove(id, out _);
    }
}
