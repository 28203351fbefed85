using System.Runtime.InteropServices;

namespace DpAttn.Storage;

/// <summary>Files and directories that only their owner may use, and that are there after a power failure.</summary>
internal static class OwnFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Opens for this process alone; a new file gets mode 0600.</summary>
    public static FileStreamOptions Options(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        return options;
    }

    /// <summary>Makes a directory with mode 0700, unless it is there.</summary>
    public static void MakeDirectory(string directory)
    {
        if (Directory.Exists(directory))
            return;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
            return;
        }
        Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
        // How many of the parents are new is not known; flushing all of them is cheap and done once.
        for (var parent = Path.GetDirectoryName(directory); parent is not null; parent = Path.GetDirectoryName(parent))
            FlushDirectory(parent);
    }

    /// <summary>Makes an empty file with mode 0600, unless it is there.</summary>
    public static void MakeEmpty(string path)
    {
        if (File.Exists(path))
            return;
        new FileStream(path, Options(FileMode.OpenOrCreate)).Dispose();
        FlushDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Gives a whole file its name, unless something has that name, whoever else does the same at the same time: moving without overwriting looks first and moves then.</summary>
    /// <returns>Whether it has the name now; the draft may be left beside it.</returns>
    /// <exception cref="IOException">Neither.</exception>
    public static bool TryName(string draft, string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            if (Link(draft, path) == 0)
                return true;
            if (File.Exists(path))
                return false;
            // A file system without hard links.
        }
        try
        {
            File.Move(draft, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Flushes a directory's entries, where the system lets one; a parent that may not be opened is left alone.</summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(directory, 0);
        if (descriptor < 0)
            return;
        _ = Fsync(descriptor);
        _ = Close(descriptor);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Fsync(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int descriptor);
}
