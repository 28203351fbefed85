using System.CommandLine;
using System.Security.Cryptography;
using DpAttn.Cli.Output;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn backup: a consistent copy of the embedded database.</summary>
internal static class BackupCommand
{
    private const int BufferBytes = 128 * 1024;

    public static Command Create(RemoteContext context)
    {
        var file = new Argument<string>("file") { Description = "where to write it; must not be there yet" };
        var verb = new RemoteCommand(context, "backup", "Copy the server's embedded database into a file, while it serves; for operators", file);
        return verb.Does(async (client, parsed, token) =>
        {
            var path = Path.GetFullPath(parsed.GetValue(file)!);
            if (File.Exists(path))
                throw new IOException($"{path} is there already");
            var (bytes, digest) = await DownloadAsync(path, stream => client.BackupAsync(stream, token), token).ConfigureAwait(false);
            verb.Printer.Print(parsed, new { File = path, Bytes = bytes, Sha256 = digest }, backup =>
            [
                ("The database, checked against its digest", Tables.Pairs(("file", backup.File), ("bytes", $"{backup.Bytes}"), ("sha-256", backup.Sha256))),
            ]);
            context.Note("all rows are in it: keep it like the database; the key file (dpattn.key) is not in it, keep a copy of that elsewhere; never restore the witness with it");
        });
    }

    /// <summary>Writes a draft beside the place, readable by its owner only, and moves it there once it is whole and flushed.</summary>
    private static async Task<(long Bytes, string Digest)> DownloadAsync(string path, Func<Stream, Task> download, CancellationToken cancellationToken)
    {
        var draft = $"{path}.part";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = BufferBytes, Options = System.IO.FileOptions.Asynchronous };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            long bytes;
            string digest;
            var stream = new FileStream(draft, options);
            await using (stream.ConfigureAwait(false))
            {
                await download(stream).ConfigureAwait(false);
                stream.Flush(flushToDisk: true);
                bytes = stream.Length;
                stream.Position = 0;
                digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false));
            }
            File.Move(draft, path);
            return (bytes, digest);
        }
        finally
        {
            File.Delete(draft);
        }
    }
}
