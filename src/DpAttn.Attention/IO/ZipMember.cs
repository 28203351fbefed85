using System.IO.Compression;
using System.IO.Hashing;

namespace DpAttn.Attention.IO;

/// <summary>
/// A member of an archive as it is read: it compares the checksum, which the framework does not, and hides the declared length, so that a reader grows with what is
/// really inflated.
/// </summary>
/// <param name="entry">The member.</param>
/// <param name="owner">Disposed with it: the archive, where nobody else holds it.</param>
internal sealed class ZipMember(ZipArchiveEntry entry, IDisposable? owner = null) : Stream
{
    private readonly Stream _inner = entry.Open();
    private readonly Crc32 _crc = new();

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="InvalidDataException">At the end, when the checksum differs.</exception>
    public override int Read(Span<byte> buffer)
    {
        var read = _inner.Read(buffer);
        _crc.Append(buffer[..read]);
        return read > 0 || buffer.IsEmpty || _crc.GetCurrentHashAsUInt32() == entry.Crc32 ? read : throw new InvalidDataException("the checksum differs");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
            owner?.Dispose();
        }
        base.Dispose(disposing);
    }
}
