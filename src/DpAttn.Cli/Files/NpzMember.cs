using System.IO.Compression;

namespace DpAttn.Cli.Files;

/// <summary>Opens a member of an .npz archive, inflated as it is read.</summary>
internal static class NpzMember
{
    public static IMatrixSource Open(string path, string member, RowFileLimits limits)
    {
        var name = $"{Path.GetFileName(path)}, member '{member}'";
        Stream Reopen() => OpenStream(path, member, limits);
        var stream = Reopen();
        try
        {
            return NpyMatrix.Open(stream, name, limits, Reopen);
        }
        catch (InvalidDataException e)
        {
            stream.Dispose();
            throw new RowFileException(name, "the compressed data is damaged", e);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static EntryStream OpenStream(string path, string member, RowFileLimits limits)
    {
        var file = Path.GetFileName(path);
        var stream = RowFiles.OpenRead(path);
        ZipArchive? archive = null;
        try
        {
            archive = new ZipArchive(stream, ZipArchiveMode.Read);
            if (archive.Entries.Count > limits.Members)
                throw new RowFileException(file, $"the archive has {archive.Entries.Count} members; at most {limits.Members} are allowed");
            var entries = archive.Entries.Where(entry => entry.FullName == member || entry.FullName == member + ".npy").ToArray();
            return entries.Length switch
            {
                1 => new EntryStream(entries[0].Open(), archive),
                0 => throw new RowFileException(file, $"there is no member '{member}'; there are {archive.Entries.Count} others. State --keys-name and --values-name"),
                _ => throw new RowFileException(file, $"member '{member}' stands twice"),
            };
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or EndOfStreamException)
        {
            Close();
            throw new RowFileException(file, "this is not a whole .npz archive", e);
        }
        catch
        {
            Close();
            throw;
        }

        void Close()
        {
            archive?.Dispose();
            stream.Dispose();
        }
    }

    /// <summary>A member that closes its archive, and does not tell the declared length: what really arrives counts.</summary>
    private sealed class EntryStream(Stream entry, ZipArchive archive) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => entry.Read(buffer, offset, count);

        public override int Read(Span<byte> buffer) => entry.Read(buffer);

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
                entry.Dispose();
                archive.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
