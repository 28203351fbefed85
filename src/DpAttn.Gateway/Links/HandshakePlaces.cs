using System.Net;
using System.Net.Sockets;

namespace DpAttn.Gateway;

/// <summary>
/// Bounds the connections of a port that have proved nothing yet, in all and of one address, so that who only connects keeps neither memory nor the others' places. Of IPv6 a network of 64 bits counts as one address,
/// since whoever has one address of it has all of them. Peers behind one address, such as a NAT's, share its places.
/// </summary>
internal sealed class HandshakePlaces(int most = HandshakePlaces.Most, int mostOfOne = HandshakePlaces.MostOfOne)
{
    public const int Most = 1024, MostOfOne = 64;

    private const int NetworkBytes = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _taken = [];
    private int _all;

    /// <summary>Takes a place until it is disposed; null where there is none.</summary>
    public IDisposable? Take(EndPoint? from)
    {
        var address = Counted((from as IPEndPoint)?.Address ?? IPAddress.None);
        lock (_lock)
        {
            var taken = _taken.GetValueOrDefault(address);
            if (_all >= most || taken >= mostOfOne)
                return null;
            _all++;
            _taken[address] = taken + 1;
        }
        return new Place(this, address);
    }

    private static IPAddress Counted(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, NetworkBytes, bytes.Length - NetworkBytes);
        return new IPAddress(bytes);
    }

    private void Leave(IPAddress address)
    {
        lock (_lock)
        {
            _all--;
            if (--_taken[address] == 0)
                _taken.Remove(address);
        }
    }

    private sealed class Place(HandshakePlaces places, IPAddress address) : IDisposable
    {
        public void Dispose() => places.Leave(address);
    }
}
