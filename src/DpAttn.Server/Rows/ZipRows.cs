using System.IO.Compression;
using System.IO.Hashing;
using DpAttn.Server.Http;

namespace DpAttn.Server.Rows;

/// <summary>Rows in an .npz archive.</summary>
internal static class ZipRows
{
    private const int MostMembers = 8;

    public static RowArrays Read(BufferedBody body, long cap)
    {
        var arrays = new RowArrays(cap);
        try
        {
            using var archive = new ZipArchive(body, ZipArchiveMode.Read, leaveOpen: true);
            if (archive.Entries.Count > MostMembers)
                throw RequestParameters.Refuse($".npz body: it has {archive.Entries.Count} members; at most {MostMembers} are read");
            foreach (var entry in archive.Entries)
            {
                var name = entry.FullName.EndsWith(".npy", StringComparison.Ordinal) ? entry.FullName[..^4] : entry.FullName;
                using var content = new CheckedMember(entry.Open(), entry.Crc32);
                arrays.Read(name, $"member '{JsonFault.Printable(name)}'", content);
            }
            return arrays;
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException or ArgumentException or OverflowException)
        {
            throw RequestParameters.Refuse(".npz body: this is not a whole archive");
        }
    }

    /// <summary>
    /// Compares the checksum, which the framework does not, and hides the declared length: the reader then grows with what is really inflated.
    /// </summary>
    private sealed class CheckedMember(Stream inner, uint checksum) : Stream
    {
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

        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            _crc.Append(buffer[..read]);
            return read > 0 || buffer.IsEmpty || _crc.GetCurrentHashAsUInt32() == checksum ? read : throw new InvalidDataException("the checksum differs");
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
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
