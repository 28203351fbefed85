using System.Net;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Gateway;
using DpAttn.LocalCluster;
using Microsoft.Extensions.DependencyInjection;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Who may speak to silos and gateways that are behind mutual TLS, on a real cluster of two silos and a front.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class MutualTlsTests : IAsyncLifetime
{
    private TlsCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await TlsCluster.SharedAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Users_are_answered_by_silos_and_fronts_that_prove_what_they_are_with_messages_of_many_records()
    {
        await _cluster.PublishAsync("large", rows: 60_000);
        var user = _cluster.Front.Connect(await _cluster.KeyAsync("ulf", Roles.User));
        var asked = await user.AttendAsync("large", new float[] { 0.5f, 0.1f }, new AttendOptions { MaxEpsilon = 1 });
        Assert.Single(asked.Outputs);

        // A web front end with a front's certificate, and the same answer.
        await using var services = _cluster.OverGateway(_cluster.Gateways[0], await _cluster.KeyAsync("ulf", Roles.User));
        var same = await services.GetRequiredService<IDpAttentionClient>().AttendAsync("large", new float[] { 0.5f, 0.1f });
        Assert.Equal(asked.Outputs[0], same.Outputs[0]);
    }

    [Fact]
    public async Task The_certificates_of_the_right_roles_are_let_in_and_nothing_else_is()
    {
        using var other = new ThrowawayAuthority();
        var (silo, front) = (SecretDirectory.Silo(_cluster.Authority), SecretDirectory.Front(_cluster.Authority));
        var hour = TimeSpan.FromHours(1);
        (string Who, (string, string)? Certificate)[] nowhere =
        [
            ("TLS without a certificate", null),
            ("a silo of another authority", SecretDirectory.Silo(other)),
            ("a front of another authority", SecretDirectory.Front(other)),
            ("an expired silo", _cluster.Authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses, -2 * hour, -hour)),
            ("an expired front", _cluster.Authority.Issue(["front.dpattn"], ThrowawayAuthority.FrontUses, -2 * hour, -hour)),
            ("a silo of tomorrow", _cluster.Authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses, 24 * hour, 48 * hour)),
            ("another name", _cluster.Authority.Issue(["db.dpattn"], ThrowawayAuthority.SiloUses)),
            ("a name like it", _cluster.Authority.Issue(["*.dpattn", "silo.dpattn.example.org", "xsilo.dpattn", "front.dpattn.example.org"], ThrowawayAuthority.SiloUses)),
            ("a silo's name for servers only", _cluster.Authority.Issue(["silo.dpattn", "front.dpattn"], [ThrowawayAuthority.SiloUses[0]])),
            ("a silo's name for no stated use", _cluster.Authority.Issue(["silo.dpattn", "front.dpattn"], [])),
        ];
        foreach (var (who, certificate) in nowhere)
        {
            Assert.False(await _cluster.IsAnsweredAsync(_cluster.SiloPort, certificate), $"{who} was answered at a silo's port");
            Assert.False(await _cluster.IsAnsweredAsync(_cluster.Gateways[0], certificate), $"{who} was answered at a gateway");
        }
        Assert.True(await _cluster.IsAnsweredAsync(_cluster.SiloPort, silo));
        Assert.False(await _cluster.IsAnsweredAsync(_cluster.SiloPort, front), "a front was answered at a silo's port");
        Assert.True(await _cluster.IsAnsweredAsync(_cluster.Gateways[0], front));
        Assert.False(await _cluster.IsAnsweredAsync(_cluster.Gateways[0], silo), "a silo was answered at a gateway");
        // Letters of names have no case.
        Assert.True(await _cluster.IsAnsweredAsync(_cluster.Gateways[0], _cluster.Authority.Issue(["other.example.org", "FRONT.DPATTN"], ThrowawayAuthority.FrontUses)));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0000\u0005junk!")]
    public async Task Who_speaks_no_TLS_is_told_nothing(string says)
    {
        foreach (var port in (IPEndPoint[])[_cluster.SiloPort, _cluster.Gateways[0]])
        {
            using var stranger = await Stranger.PlainAsync(port, says);
            // At most the alert with which TLS ends.
            Assert.InRange(await stranger.ReadAsync(), 0, 7);
            Assert.InRange(await stranger.EndAsync(), TimeSpan.Zero, TimeSpan.FromSeconds(3));
        }
    }

    [Fact]
    public async Task Who_says_nothing_is_dropped_and_keeps_out_nobody_of_another_address()
    {
        var (silo, other) = (SecretDirectory.Silo(_cluster.Authority), IPAddress.Parse("127.0.0.2"));
        // As many as one address may have, and more; each held open.
        var silent = await Task.WhenAll(Enumerable.Range(0, HandshakePlaces.MostOfOne + 8).Select(_ => Stranger.PlainAsync(_cluster.SiloPort, "")));
        try
        {
            var ending = silent.Select(stranger => stranger.EndAsync()).ToArray();
            var atOnce = await Stranger.IsSoAsync(() => ending.Count(end => end.IsCompleted) == 8, ClusterLinks.HandshakePatience / 2);
            Assert.True(atOnce, "those beyond the bound are not dropped at once");
            Assert.False(await _cluster.IsAnsweredAsync(_cluster.SiloPort, silo), "the address has a place left");
            Assert.True(await _cluster.IsAnsweredAsync(_cluster.SiloPort, silo, other));
            // All of that while the others were held.
            Assert.Equal(HandshakePlaces.MostOfOne, ending.Count(end => !end.IsCompleted));
            var ends = await Task.WhenAll(ending);
            Assert.All(ends, end => Assert.InRange(end, TimeSpan.Zero, ClusterLinks.HandshakePatience + TimeSpan.FromSeconds(4)));
        }
        finally
        {
            foreach (var stranger in silent)
                stranger.Dispose();
        }
        Assert.True(await _cluster.IsAnsweredAsync(_cluster.SiloPort, silo));
    }

    [Theory]
    [InlineData("front")]
    [InlineData("other authority")]
    [InlineData("client only")]
    [InlineData("plain")]
    [InlineData("silo")]
    public async Task A_front_says_nothing_to_a_gateway_that_is_no_silo(string what)
    {
        using var other = new ThrowawayAuthority();
        (string Certificate, string Key)? shown = what switch
        {
            // With the use of a server, so that it fails for what it is.
            "front" => _cluster.Authority.Issue(["front.dpattn"], ThrowawayAuthority.SiloUses),
            "other authority" => SecretDirectory.Silo(other),
            "client only" => _cluster.Authority.Issue(["silo.dpattn"], ThrowawayAuthority.FrontUses),
            "silo" => SecretDirectory.Silo(_cluster.Authority),
            _ => null,
        };
        Assert.Equal(what == "silo", (await _cluster.GreetAsync(shown)).Length > 0);
    }

    [Fact]
    public async Task A_connection_ends_with_the_certificate_that_opened_it()
    {
        var life = TimeSpan.FromSeconds(4);
        using var link = await Stranger.TlsAsync(_cluster.Gateways[0], _cluster.Authority.Issue(["front.dpattn"], ThrowawayAuthority.FrontUses, to: life), _cluster.Greeting);
        using var lasting = await Stranger.TlsAsync(_cluster.Gateways[0], SecretDirectory.Front(_cluster.Authority), _cluster.Greeting);
        Assert.True(await link.ReadAsync() > 0);
        Assert.True(await lasting.ReadAsync() > 0);
        Assert.InRange(await link.EndAsync(), TimeSpan.FromSeconds(1), life + TimeSpan.FromSeconds(3));
        await Assert.ThrowsAsync<TimeoutException>(() => lasting.EndAsync().WaitAsync(TimeSpan.FromSeconds(1)));
    }
}
