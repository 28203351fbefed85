using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Storage;

/// <summary>
/// A key ring in a text file that only its owner may read (mode 0600; or 0640, where root owns it and the process is not root's): a line per key, "id base64", the last one current. Lines are
/// appended, and nothing in it is ever overwritten: losing a key loses every secret that it wrapped.
/// </summary>
public static class KeyFile
{
    /// <summary>The name of the key file that the embedded default makes in its directory.</summary>
    public const string DefaultName = "dpattn.key";

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private const uint Root = 0;

    private const string Heading =
        "# dpattn keys. They wrap the secrets in the database: keep this file private, and keep a copy, since without it those secrets are lost.\n# One key a line; the last one is current.\n";

    /// <summary>Reads a key file, or makes one with a fresh random key if there is none.</summary>
    /// <exception cref="StorageRefusedException">Others may read it, or it is not a key file.</exception>
    public static KeyRing LoadOrCreate(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        return Guard(path, () =>
        {
            if (!File.Exists(path))
                Create(path);
            return Read(path);
        });
    }

    /// <summary>Reads a key file.</summary>
    /// <exception cref="StorageRefusedException">It is not there, others may read it, or it is not a key file.</exception>
    public static KeyRing Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        return Guard(path, () => Read(path));
    }

    /// <summary>Appends a fresh random key, which is the current one from then on; the older ones go on unwrapping what they wrapped.</summary>
    /// <exception cref="StorageRefusedException">As for <see cref="Load"/>.</exception>
    public static KeyRing AddKey(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        return Guard(path, () =>
        {
            _ = Read(path);
            using (var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                file.Write(NewLine());
                file.Flush(flushToDisk: true);
            }
            return Read(path);
        });
    }

    /// <summary>
    /// Whether nobody can use it but this process's user, root, and the group that root has given a file of its own to. Such a file may be readable by that group, and by nobody else: that is how a secret is given to a program
    /// that runs without root's rights (Kubernetes mounts it so, for the pod's own group). Who else is in the group can read it too, and that is root's to see to.
    /// </summary>
    internal static bool IsPrivate(UnixFileMode mode, uint? owner, uint self) =>
        (mode & Others) == 0 || (owner == Root && self != Root && (mode & Others & ~UnixFileMode.GroupRead) == 0);

    private static KeyRing Guard(string path, Func<KeyRing> action)
    {
        try
        {
            return action();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StorageRefusedException($"the key file {path} cannot be used: {failure.Message}", failure);
        }
    }

    /// <summary>Writes a complete file beside the place and gives it the name, unless somebody was first.</summary>
    private static void Create(string path)
    {
        var draft = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}.new";
        try
        {
            using (var file = new FileStream(draft, OwnFile.Options(FileMode.CreateNew)))
            {
                file.Write(Encoding.ASCII.GetBytes(Heading));
                file.Write(NewLine());
                file.Flush(flushToDisk: true);
            }
            if (OwnFile.TryName(draft, path))
                OwnFile.FlushDirectory(Path.GetDirectoryName(path)!);
        }
        finally
        {
            File.Delete(draft);
        }
    }

    private static byte[] NewLine()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        return Encoding.ASCII.GetBytes($"{id} {Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyRing.KeyBytes))}\n");
    }

    private static KeyRing Read(string path)
    {
        if (!OperatingSystem.IsWindows() && !IsPrivate(File.GetUnixFileMode(path), FileOwner.Of(path), FileOwner.Self))
            throw new StorageRefusedException($"others than its owner may use the key file {path}: its mode must be 0600, or 0640 where root owns it and this process is not root's");
        var text = File.ReadAllText(path, Encoding.ASCII);
        if (!text.EndsWith('\n'))
            throw new StorageRefusedException($"the key file {path} ends in an incomplete line");
        var lines = text[..^1].Split('\n');
        var keys = new List<KeyValuePair<string, byte[]>>();
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith('#'))
                continue;
            var key = new byte[KeyRing.KeyBytes];
            // Written back, so that only the one way to write a key is accepted: the decoder passes over white space.
            if (lines[i].Split(' ') is not [var id, var base64] || !KeyRing.IsId(id) || !Convert.TryFromBase64String(base64, key, out var bytes) || bytes != key.Length || Convert.ToBase64String(key) != base64)
                throw new StorageRefusedException($"line {i + 1} of the key file {path} is not a key: an id, a space and {KeyRing.KeyBytes} bytes in base64");
            keys.Add(new(id, key));
        }
        try
        {
            return new KeyRing(keys);
        }
        catch (ArgumentException failure)
        {
            throw new StorageRefusedException($"the key file {path} is not one: {failure.Message}", failure);
        }
    }
}
