using System.Security.Cryptography;

namespace DpAttn.Gateway;

/// <summary>What stands in the files of mutual TLS at one time.</summary>
/// <param name="Certificate">The text of the certificate's file.</param>
/// <param name="Key">The text of the key's file, the certificate's where the key stands in it.</param>
/// <param name="Authority">The text of the authority's file.</param>
internal sealed record LinkBytes(string Certificate, string Key, string Authority)
{
    // Chains have a few KiB.
    private const int MostBytes = 1 << 20;

    /// <summary>Reads them.</summary>
    /// <exception cref="LinkFaultException">One is missing, cannot be read, or is too long to be one.</exception>
    public static LinkBytes Read(LinkFiles files)
    {
        var certificate = Read(nameof(files.Certificate), files.Certificate);
        return new(certificate, files.Key.Length == 0 ? certificate : Read(nameof(files.Key), files.Key), Read(nameof(files.Authority), files.Authority));
    }

    /// <summary>What tells these files from others without keeping what is in them: a private key is not to lie about in memory.</summary>
    /// <returns>The SHA-256 of the files' bytes and lengths, in hexadecimal.</returns>
    /// <exception cref="LinkFaultException">As of <see cref="Read(LinkFiles)"/>.</exception>
    public static string DigestOf(LinkFiles files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[16 * 1024];
        foreach (var (setting, path) in Paths(files))
        {
            Open(setting, path, file =>
            {
                long total = 0;
                for (int read; (read = file.Read(buffer)) > 0; total += read)
                    hash.AppendData(buffer, 0, read);
                hash.AppendData(BitConverter.GetBytes(total));
                return total;
            });
        }
        CryptographicOperations.ZeroMemory(buffer);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether everybody on the machine may read the private key. A group may: mounted secrets are given to a process's group.</summary>
    /// <exception cref="LinkFaultException">The file is missing or cannot be read.</exception>
    public static bool IsKeyPublic(LinkFiles files)
    {
        var (setting, path) = files.Key.Length == 0 ? (nameof(files.Certificate), files.Certificate) : (nameof(files.Key), files.Key);
        return !OperatingSystem.IsWindows() && Open(setting, path, file => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & UnixFileMode.OtherRead) != 0);
    }

    /// <summary>Without the key.</summary>
    public override string ToString() => $"certificates of {Certificate.Length} and {Authority.Length} characters";

    private static IEnumerable<(string Setting, string Path)> Paths(LinkFiles files) =>
        ((string, string)[])[(nameof(files.Certificate), files.Certificate), (nameof(files.Key), files.Key.Length == 0 ? files.Certificate : files.Key), (nameof(files.Authority), files.Authority)];

    private static string Read(string setting, string path) => Open(setting, path, file =>
    {
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    });

    private static T Open<T>(string setting, string path, Func<FileStream, T> read)
    {
        try
        {
            // Without a buffer of its own, where a key would stay.
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return file.Length <= MostBytes ? read(file) : throw new LinkFaultException(new(setting, $"it has more than {MostBytes} bytes"));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LinkFaultException(new(setting, "it is no file"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LinkFaultException(new(setting, "it cannot be read"));
        }
    }
}
