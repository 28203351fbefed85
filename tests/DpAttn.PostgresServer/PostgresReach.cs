namespace DpAttn.PostgresServer;

/// <summary>Where a server listens, and whom it lets in there by password.</summary>
/// <param name="Address">An address of this machine.</param>
/// <param name="From">The network that clients come from, as address/bits.</param>
public sealed record PostgresReach(string Address, string From)
{
    /// <summary>Programs of this machine.</summary>
    public static PostgresReach Loopback { get; } = new("127.0.0.1", "127.0.0.1/32");
}
