using System.IO.Compression;
using DpAttn.Attention.IO;

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

    private static ZipMember OpenStream(string path, string member, RowFileLimits limits)
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
                1 => new ZipMember(entries[0], archive),
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
}
