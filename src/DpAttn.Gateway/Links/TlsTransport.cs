using System.IO.Pipelines;
using System.Net.Security;

namespace DpAttn.Gateway;

/// <summary>What the engine reads and writes in place of the connection's own pipes: the same, through TLS.</summary>
internal sealed class TlsTransport(SslStream stream) : IDuplexPipe
{
    // A record of TLS holds 16 KiB: what is written in smaller pieces costs a record each.
    private const int RecordBytes = 16 << 10;

    public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 4 * RecordBytes, minimumReadSize: RecordBytes, leaveOpen: true));

    public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: RecordBytes, leaveOpen: true));
}
