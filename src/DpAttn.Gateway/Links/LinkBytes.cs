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

    /// <summary>Without the key.</summary>
    public override string ToString() => $"certificates of {Certificate.Length} and {Authority.Length} characters";

    private static string Read(string setting, string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > MostBytes)
                throw new LinkFaultException(new(setting, $"it has more than {MostBytes} bytes"));
            using var reader = new StreamReader(file);
            return reader.ReadToEnd();
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
