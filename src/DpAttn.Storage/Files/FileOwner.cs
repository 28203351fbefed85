using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace DpAttn.Storage;

/// <summary>Who owns a file, and who this process is, by the numbers of Unix.</summary>
[UnsupportedOSPlatform("windows")]
internal static class FileOwner
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const uint AskForOwner = 0x8; // STATX_UID
    private const int ResultBytes = 256; // struct statx, the same on every architecture
    private const int OwnerOffset = 20; // stx_uid

    /// <summary>The user that this process runs as.</summary>
    public static uint Self => GetEffectiveUserId();

    /// <summary>The user that owns a file, past symbolic links; null where the system does not say.</summary>
    public static uint? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var result = new byte[ResultBytes];
        try
        {
            return Statx(CurrentDirectory, path, 0, AskForOwner, result) == 0 && (BitConverter.ToUInt32(result) & AskForOwner) != 0 ? BitConverter.ToUInt32(result, OwnerOffset) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static extern int Statx(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] result);

    [DllImport("libc", EntryPoint = "geteuid")]
    private static extern uint GetEffectiveUserId();
}
