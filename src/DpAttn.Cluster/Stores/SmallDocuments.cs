namespace DpAttn.Cluster;

/// <summary>Points to a store.</summary>
internal sealed record NameDocument(string Incarnation);

/// <summary>A publish that is not finished.</summary>
internal sealed record JobDocument(string Incarnation, string Release);

/// <summary>An account. Nothing in it names its holder.</summary>
internal sealed record AccountDocument(string Account, DateTimeOffset Created);

/// <summary>An API key: of its secret only the hash.</summary>
internal sealed record KeyDocument : IFormatted
{
    public int Format { get; init; } = 1;

    public required string Id { get; init; }

    /// <summary>SHA-256 of the secret, lower-case hexadecimal.</summary>
    public required string Hash { get; init; }

    public required string Account { get; init; }

    public required string Role { get; init; }

    /// <summary>The account that made it; "bootstrap" for the first.</summary>
    public required string CreatedBy { get; init; }

    public required DateTimeOffset Created { get; init; }

    public DateTimeOffset? Revoked { get; init; }
}
