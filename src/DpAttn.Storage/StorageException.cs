namespace DpAttn.Storage;

/// <summary>A failure of the storage. Messages name the operation, never content.</summary>
public abstract class StorageException : Exception
{
    private protected StorageException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The storage cannot be reached or read; nothing was changed.</summary>
public sealed class StorageUnavailableException(string message, Exception? inner = null) : StorageException(message, inner);

/// <summary>The disk is full; nothing was changed and nothing acknowledged is lost.</summary>
public sealed class StorageFullException(string message, Exception? inner = null) : StorageException(message, inner);

/// <summary>A bounded queue is full; nothing was changed.</summary>
public sealed class StorageBusyException(string message) : StorageException(message);

/// <summary>
/// A write timed out or failed in a way that leaves its outcome open. Treat it as done: ask again with the same ids, never undo it.
/// </summary>
public sealed class StorageOutcomeUnknownException(string message, Exception? inner = null) : StorageException(message, inner);

/// <summary>What was read is not what was written: refused, never repaired silently.</summary>
public sealed class StorageCorruptException(string message, Exception? inner = null) : StorageException(message, inner);

/// <summary>The storage was written by a newer version, or is in use by another process, or would not flush: start-up refuses it.</summary>
public sealed class StorageRefusedException(string message, Exception? inner = null) : StorageException(message, inner);
