namespace DpAttn.Server.Tests.Support;

/// <summary>Gives its bytes in small pieces, and does not say how many there are.</summary>
internal sealed class DribblingStream(byte[] bytes, int piece) : Stream
{
    private int _at;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _at;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var now = Math.Min(Math.Min(count, piece), bytes.Length - _at);
        bytes.AsSpan(_at, now).CopyTo(buffer.AsSpan(offset));
        _at += now;
        return now;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
