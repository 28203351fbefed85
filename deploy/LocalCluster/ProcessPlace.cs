using System.Net;

namespace DpAttn.LocalCluster;

/// <summary>Where a process listens, and what starts it there.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Through">A program that becomes the one that is named behind it, such as one that enters a network namespace; nothing for none.</param>
internal sealed record ProcessPlace(IPAddress Address, IReadOnlyList<string> Through)
{
    /// <summary>This machine, as it is.</summary>
    public static ProcessPlace Loopback { get; } = new(IPAddress.Loopback, []);
}
