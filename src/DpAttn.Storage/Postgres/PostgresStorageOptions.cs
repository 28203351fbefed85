namespace DpAttn.Storage;

/// <summary>Which PostgreSQL database holds the storage, and how much of it this process uses.</summary>
public sealed record PostgresStorageOptions
{
    /// <summary>
    /// Npgsql's connection string. Timeouts, pooling and what keeps values out of error texts are set by the storage itself, whatever it says. The tables are in the
    /// first schema of its search path. Never repeated in a message.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>The keys that wrap the secrets in the database, that of the ledger's chain among them: the same for all processes. They stand in the configuration, never in the database.</summary>
    public required KeyRing Keys { get; init; }

    /// <summary>
    /// Npgsql's connection string of another database, best on another server, for a <see cref="PostgresWitness"/>, which remembers outside the ledger's database how far the ledger had come; shared by any
    /// number of processes. With a witness, <see cref="PostgresStorage.Guard"/> has to be started before anything is charged. Default: none, and without another witness an older copy of the
    /// database is not recognised. Never repeated in a message.
    /// </summary>
    public string? WitnessConnectionString { get; init; }

    /// <summary>The directory of a <see cref="FileWitness"/> in its place, for a single process.</summary>
    public string? WitnessDirectory { get; init; }

    /// <summary>Another witness in place of both; closed with the storage.</summary>
    public ILedgerWitness? Witness { get; init; }

    /// <summary>How many changes, and how many reads, may wait, of charges how many in each lane; more are refused with <see cref="StorageBusyException"/>. 1 to 1,000,000.</summary>
    public int QueueCapacity { get; init; } = 16_384;

    /// <summary>How many bytes of content waiting changes may hold: 32 MiB to 4 GiB.</summary>
    public long QueueBytes { get; init; } = 128L << 20;

    /// <summary>How many connections charge at once; an account's charges all go through one of them and share its flushes. 1 to 64.</summary>
    public int Lanes { get; init; } = 4;

    /// <summary>How many connections change the catalog and the blobs at once. 1 to 64.</summary>
    public int Writers { get; init; } = 4;

    /// <summary>How many connections read at once. 1 to 64.</summary>
    public int Readers { get; init; } = 8;

    /// <summary>The clock of entries, blobs and audit lines.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <exception cref="ArgumentException">A setting out of its range.</exception>
    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(ConnectionString))
            throw new ArgumentException($"{nameof(ConnectionString)} must name a database");
        if ((Witness is null ? 0 : 1) + (WitnessDirectory is null ? 0 : 1) + (WitnessConnectionString is null ? 0 : 1) > 1)
            throw new ArgumentException($"{nameof(Witness)}, {nameof(WitnessDirectory)} and {nameof(WitnessConnectionString)} are several witnesses: state one");
        Require(nameof(QueueCapacity), QueueCapacity, 1, 1_000_000);
        Require(nameof(QueueBytes), QueueBytes, 32L << 20, 4L << 30);
        Require(nameof(Lanes), Lanes, 1, 64);
        Require(nameof(Writers), Writers, 1, 64);
        Require(nameof(Readers), Readers, 1, 64);
        ArgumentNullException.ThrowIfNull(Keys);
        ArgumentNullException.ThrowIfNull(Clock);
    }

    /// <summary>Not the connection strings, which may hold passwords.</summary>
    public override string ToString() => $"{nameof(PostgresStorageOptions)} {{ {nameof(Lanes)} = {Lanes}, {nameof(Writers)} = {Writers}, {nameof(Readers)} = {Readers} }}";

    private static void Require(string name, long value, long least, long most)
    {
        if (value < least || value > most)
            throw new ArgumentException($"{name} must lie in [{least}, {most}], and is {value}");
    }
}
