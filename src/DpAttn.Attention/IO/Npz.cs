using System.IO.Compression;

namespace DpAttn.Attention.IO;

/// <summary>Reads and writes .npz archives: zip files of .npy arrays, stored or deflated.</summary>
public static class Npz
{
    /// <summary>Reads every member as a float matrix, by its name without .npy.</summary>
    /// <exception cref="NpyFormatException">Not an archive, a name twice, too many members, or a member that is no such array.</exception>
    public static IReadOnlyDictionary<string, FloatMatrix> Read(string path, NpyLimits? limits = null)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, Path.GetFileName(path), limits);
    }

    /// <summary>Reads every member of a seekable stream.</summary>
    /// <exception cref="NpyFormatException">As <see cref="Read(string, NpyLimits?)"/>.</exception>
    public static IReadOnlyDictionary<string, FloatMatrix> Read(Stream stream, string name, NpyLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var caps = limits ?? NpyLimits.Default;
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            if (archive.Entries.Count > caps.Members)
                throw new NpyFormatException(name, $"the archive has {archive.Entries.Count} members; at most {caps.Members} are allowed");
            var arrays = new Dictionary<string, FloatMatrix>(StringComparer.Ordinal);
            var left = caps.DataBytes;
            foreach (var entry in archive.Entries)
            {
                var member = entry.FullName.EndsWith(".npy", StringComparison.Ordinal) ? entry.FullName[..^4] : entry.FullName;
                // Inflated as it is read: the declared size is not trusted, the array's header and the caps are.
                using var content = new ZipMember(entry);
                var shown = NpyFormatException.Quote(member);
                var matrix = Npy.ReadMatrix(content, $"{name}, member {shown}", caps with { DataBytes = left });
                left -= matrix.Bytes;
                if (!arrays.TryAdd(member, matrix))
                    throw new NpyFormatException(name, $"member {shown} stands twice");
            }
            return arrays;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or NotSupportedException or ArgumentException or OverflowException or IOException)
        {
            throw new NpyFormatException(name, "this is not a whole .npz archive", e);
        }
    }

    /// <summary>Writes an archive.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="arrays">The members.</param>
    /// <param name="compress">Deflated, or stored.</param>
    public static void Write(Stream stream, IEnumerable<KeyValuePair<string, FloatMatrix>> arrays, bool compress = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(arrays);
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, matrix) in arrays)
        {
            using var content = archive.CreateEntry(name + ".npy", compress ? CompressionLevel.Optimal : CompressionLevel.NoCompression).Open();
            if (matrix.Single is { } single)
                Npy.Write(content, single);
            else
                Npy.Write(content, matrix.Double!);
        }
    }
}
