using System.Security.Cryptography;

namespace DpAttn.Storage;

/// <summary>Makes consistent copies of a storage that is a file.</summary>
public interface IStorageBackup
{
    /// <summary>Makes a copy, while everything goes on.</summary>
    /// <exception cref="StorageException">The storage cannot be read, or the disk is full.</exception>
    Task<StorageBackup> CreateAsync(CancellationToken cancellationToken = default);
}

/// <summary>A copy in a file that goes when this is disposed.</summary>
public sealed class StorageBackup : IAsyncDisposable
{
    private readonly FileStream _file;

    private StorageBackup(FileStream file, byte[] digest) => (_file, Digest) = (file, digest);

    /// <summary>The copy, from its beginning.</summary>
    public Stream Content => _file;

    /// <summary>Its length.</summary>
    public long Bytes => _file.Length;

    /// <summary>SHA-256 of it.</summary>
    public ReadOnlyMemory<byte> Digest { get; }

    /// <summary>Removes the copy.</summary>
    public ValueTask DisposeAsync() => _file.DisposeAsync();

    /// <summary>Takes over a copy that was made: it is removed when this is disposed.</summary>
    /// <param name="path">The copy's file, whole and flushed or not.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async Task<StorageBackup> OfAsync(string path, CancellationToken cancellationToken)
    {
        // Its name goes with its last handle: nothing of it is left, however the process ends.
        var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Delete, Options = FileOptions.Asynchronous | FileOptions.DeleteOnClose });
        try
        {
            var digest = await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false);
            file.Position = 0;
            return new StorageBackup(file, digest);
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
