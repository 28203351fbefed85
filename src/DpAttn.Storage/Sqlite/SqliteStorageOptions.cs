namespace DpAttn.Storage;

/// <summary>Where the embedded storage lives and how much may wait for it.</summary>
public sealed record SqliteStorageOptions
{
    /// <summary>The directory of the database file, made with mode 0700 if it is not there. One process uses it at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>How many changes, and how many reads, may wait; more are refused with <see cref="StorageBusyException"/>. 1 to 1,000,000.</summary>
    public int QueueCapacity { get; init; } = 16_384;

    /// <summary>How many bytes of content waiting changes may hold: 32 MiB to 4 GiB.</summary>
    public long QueueBytes { get; init; } = 128L << 20;

    /// <summary>How many reads go on at once: 1 to 64.</summary>
    public int Readers { get; init; } = 4;

    /// <summary>
    /// The keys that wrap the secrets in the database, that of the ledger's chain among them. Default: those of the key file <c>dpattn.key</c> in
    /// <see cref="Directory"/>, which is made if it is not there.
    /// </summary>
    public KeyRing? Keys { get; init; }

    /// <summary>
    /// The directory of a <see cref="FileWitness"/>, which remembers outside the database how far the ledger had come; not within <see cref="Directory"/>. With one,
    /// <see cref="SqliteStorage.Guard"/> has to be started before anything is charged. Default: none, and an older copy of the file is not recognised.
    /// </summary>
    public string? WitnessDirectory { get; init; }

    /// <summary>Another witness in place of <see cref="WitnessDirectory"/>; closed with the storage.</summary>
    public ILedgerWitness? Witness { get; init; }

    /// <summary>The clock of entries, blobs and audit lines.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <exception cref="ArgumentException">A setting out of its range.</exception>
    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(Directory))
            throw new ArgumentException($"{nameof(Directory)} must name a directory");
        if (Witness is not null && WitnessDirectory is not null)
            throw new ArgumentException($"{nameof(Witness)} and {nameof(WitnessDirectory)} are two witnesses: state one");
        Require(nameof(QueueCapacity), QueueCapacity, 1, 1_000_000);
        Require(nameof(QueueBytes), QueueBytes, 32L << 20, 4L << 30);
        Require(nameof(Readers), Readers, 1, 64);
        ArgumentNullException.ThrowIfNull(Clock);
    }

    private static void Require(string name, long value, long least, long most)
    {
        if (value < least || value > most)
            throw new ArgumentException($"{name} must lie in [{least}, {most}], and is {value}");
    }
}
