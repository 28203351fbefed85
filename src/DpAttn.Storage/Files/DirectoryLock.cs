namespace DpAttn.Storage;

/// <summary>Keeps a directory to one process. The kernel releases it when the process ends, however it ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <exception cref="StorageRefusedException">Another process holds it, or this file system or process does not lock files.</exception>
    public static DirectoryLock Take(string directory)
    {
        var path = Path.Combine(directory, "dpattn.lock");
        var file = TryOpen(path) ?? throw new StorageRefusedException($"the storage in {directory} is in use: another process holds {path}");
        // A lock that does not keep ourselves out keeps nobody out: locking is switched off, or the file system ignores it.
        if (TryOpen(path) is { } second)
        {
            second.Dispose();
            file.Dispose();
            throw new StorageRefusedException($"{path} cannot be locked: file locks are switched off or not supported here, and two processes could write to one file");
        }
        return new DirectoryLock(file);
    }

    public void Dispose() => _file.Dispose();

    private static FileStream? TryOpen(string path)
    {
        try
        {
            return new FileStream(path, OwnFile.Options(FileMode.OpenOrCreate));
        }
        catch (IOException failure) when (IsHeld(failure))
        {
            return null;
        }
    }

    /// <summary>EWOULDBLOCK of Linux or macOS, or a sharing or lock violation of Windows.</summary>
    private static bool IsHeld(IOException failure) => failure.HResult is 11 or 35 or unchecked((int)0x80070020) or unchecked((int)0x80070021);
}
