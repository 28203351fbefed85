namespace DpAttn.Storage;

/// <summary>The check behind every guarded change of the ledger.</summary>
internal static class GuardedChange
{
    /// <exception cref="StorageCorruptException">The row is no longer the one that was decided on; with one writer that cannot happen.</exception>
    public static void RequireOne(int changed)
    {
        if (changed != 1)
            throw new StorageCorruptException("the ledger changed within the transaction that decided; nothing was changed");
    }
}
