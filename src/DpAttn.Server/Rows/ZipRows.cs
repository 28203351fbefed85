using System.IO.Compression;
using DpAttn.Attention.IO;
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
                using var content = new ZipMember(entry);
                arrays.Read(name, $"member '{JsonFault.Printable(name)}'", content);
            }
            return arrays;
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException or ArgumentException or OverflowException)
        {
            throw RequestParameters.Refuse(".npz body: this is not a whole archive");
        }
    }
}
