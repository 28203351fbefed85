using System.Net;
using System.Net.Sockets;

namespace DpAttn.Drills.Partitions;

/// <summary>The ground of the partition tests: what is cut is cut, and nothing of it is left behind.</summary>
[Collection(ClusterCollection.Name)]
public sealed class NetworkNamespacesTests
{
    [Fact]
    public async Task What_is_cut_off_is_not_reached_and_what_is_not_is_until_it_is_healed()
    {
        Assert.SkipWhen(NetworkNamespaces.Missing is not null, NetworkNamespaces.Missing ?? "");
        using var namespaces = new NetworkNamespaces(["one", "two"]);
        using var listener = new TcpListener(IPAddress.Parse(namespaces.Reach.Address), 0);
        listener.Start();
        var endpoint = (IPEndPoint)listener.LocalEndpoint;
        Assert.True(await namespaces.ReachesAsync("one", endpoint));
        namespaces.Cut("one", NetworkNamespaces.Database);
        Assert.False(await namespaces.ReachesAsync("one", endpoint));
        Assert.True(await namespaces.ReachesAsync("two", endpoint));
        namespaces.Heal();
        Assert.True(await namespaces.ReachesAsync("one", endpoint));
        listener.Stop();
        // Refused by who is there: no cut.
        await Assert.ThrowsAsync<InvalidOperationException>(() => namespaces.ReachesAsync("one", endpoint));
    }

    [Fact]
    public void Their_links_are_gone_when_they_are_so_that_they_can_be_made_again_at_once()
    {
        Assert.SkipWhen(NetworkNamespaces.Missing is not null, NetworkNamespaces.Missing ?? "");
        for (var i = 0; i < 5; i++)
        {
            using (new NetworkNamespaces(["one", "two"]))
                Assert.Single(NetworkNamespaces.OwnLinks());
            Assert.Empty(NetworkNamespaces.OwnLinks());
        }
    }
}
