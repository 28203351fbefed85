using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DpAttn.Gateway;
using DpAttn.LocalCluster;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Certificates in files, and what is made of them, without a cluster.</summary>
public sealed class LinkTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-links-");
    private readonly ThrowawayAuthority _authority = new();
    private readonly SecretDirectory _secret;
    private readonly LinkFiles _files;

    public LinkTests()
    {
        _secret = new(_directory.FullName);
        _secret.Put(SecretDirectory.Silo(_authority), _authority.Pem);
        _files = new LinkFiles { Certificate = _secret.Certificate, Key = _secret.Key, Authority = _secret.Authority };
    }

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task New_files_are_taken_and_broken_ones_are_told_once_while_the_old_stay_in_use()
    {
        var lines = new Lines();
        using var source = new LinkCertificateSource(_files, LinkRole.Silo, lines, TimeSpan.FromMilliseconds(50));
        var first = source.Current;
        var next = SecretDirectory.Silo(_authority);
        _secret.Put((next.Certificate, SecretDirectory.Silo(_authority).Key), _authority.Pem);
        await UntilAsync(() => lines.All.Any(line => line is { Level: LogLevel.Error } && line.Text.Contains("Key: it has not the PEM key", StringComparison.Ordinal)));
        await Task.Delay(500);
        Assert.Single(lines.All, line => line.Level == LogLevel.Error);
        Assert.Same(first, source.Current);

        // Files that are gone for a while are no reason either.
        File.Delete(Path.Combine(_directory.FullName, "..data"));
        await UntilAsync(() => lines.All.Any(line => line is { Level: LogLevel.Error } && line.Text.Contains("it is no file", StringComparison.Ordinal)));
        Assert.Same(first, source.Current);
        _secret.Put(next, _authority.Pem);
        await UntilAsync(() => source.Current != first);
        Assert.Equal(X509Certificate2.CreateFromPem(next.Certificate).Thumbprint, source.Current.Leaf.Thumbprint);
        Assert.DoesNotContain(lines.All, line => line.Text.Contains("PRIVATE", StringComparison.Ordinal));
    }

    /// <summary>A process that cannot take the new authority's files because its own certificate is of the old one: whoever took the old one away must hear that it is still trusted.</summary>
    [Fact]
    public async Task An_authority_that_cannot_be_taken_away_is_told_again_as_long_as_it_is_trusted()
    {
        var lines = new Lines();
        using var next = new ThrowawayAuthority("next");
        using var source = new LinkCertificateSource(_files, LinkRole.Silo, lines, TimeSpan.FromMilliseconds(20), reminder: TimeSpan.FromMilliseconds(300));
        var first = source.Current;
        _secret.Put(SecretDirectory.Silo(_authority), next.Pem);
        await UntilAsync(() => Errors() >= 3);
        Assert.All(lines.All, line => Assert.Contains("authorities from before trusted; Certificate: it is of another authority", line.Text, StringComparison.Ordinal));
        Assert.Same(first, source.Current);
        using var old = X509Certificate2.CreateFromPem(SecretDirectory.Silo(_authority).Certificate);
        Assert.Null(source.Current.Fault(old, [], LinkRole.Silo, asServer: false));

        // Once it has a certificate of the new one it is over.
        _secret.Put(SecretDirectory.Silo(next), next.Pem);
        await UntilAsync(() => source.Current != first);
        var told = Errors();
        await Task.Delay(1000);
        Assert.Equal(told, Errors());
        Assert.Equal("it is of another authority", source.Current.Fault(old, [], LinkRole.Silo, asServer: false));

        int Errors() => lines.All.Count(line => line.Level == LogLevel.Error);
    }

    [Fact]
    public async Task Who_fails_when_the_files_were_looked_at_is_told_of_and_ends_nothing()
    {
        var lines = new Lines();
        using var source = new LinkCertificateSource(_files, LinkRole.Silo, lines, TimeSpan.FromMilliseconds(20));
        source.Looked += () => throw new CryptographicException("not a certificate");
        await UntilAsync(() => lines.All.Count(line => line.Level == LogLevel.Error) >= 2);
        Assert.All(lines.All, line => Assert.Contains("could not be looked at", line.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead, false)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead, false)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead, true)]
    public async Task A_private_key_that_everybody_may_read_is_told_once_at_the_start(UnixFileMode mode, bool isTold)
    {
        var lines = new Lines();
        _secret.KeyMode = mode;
        _secret.Put(SecretDirectory.Silo(_authority), _authority.Pem);
        var oneFile = new LinkFiles { Certificate = Path.Combine(_directory.FullName, "both.pem"), Authority = _secret.Authority };
        File.WriteAllText(oneFile.Certificate, $"{File.ReadAllText(_secret.Certificate)}\n{File.ReadAllText(_secret.Key)}");
        SecretDirectory.SetMode(oneFile.Certificate, mode);
        foreach (var files in (LinkFiles[])[_files, oneFile])
        {
            using (new LinkCertificateSource(files, LinkRole.Silo, lines, TimeSpan.FromMilliseconds(20)))
                await Task.Delay(200);
        }
        Assert.Equal(isTold ? [_secret.Key, oneFile.Certificate] : [], lines.All.Select(line => line.Text.Split(' ')[4]));
        Assert.All(lines.All, line => Assert.Equal(LogLevel.Warning, line.Level));
    }

    [Fact]
    public void The_digest_of_files_is_another_when_any_of_them_is()
    {
        var (own, other) = (SecretDirectory.Silo(_authority), SecretDirectory.Silo(_authority));
        string DigestOf((string, string) pair, string authorities)
        {
            _secret.Put(pair, authorities);
            return LinkBytes.DigestOf(_files);
        }
        var digest = DigestOf(own, _authority.Pem);
        Assert.Equal(digest, DigestOf(own, _authority.Pem));
        string[] others = [DigestOf((other.Certificate, own.Key), _authority.Pem), DigestOf((own.Certificate, other.Key), _authority.Pem), DigestOf(own, _authority.Pem + "\n"), DigestOf((own.Certificate + "\n", own.Key[1..]), _authority.Pem)];
        Assert.Equal(5, others.Append(digest).Distinct().Count());
    }

    [Fact]
    public async Task A_certificate_that_ends_soon_is_told_once_and_one_that_has_time_is_not()
    {
        var lines = new Lines();
        using (new LinkCertificateSource(_files, LinkRole.Silo, lines, TimeSpan.FromMilliseconds(20)))
            await Task.Delay(500);
        Assert.Empty(lines.All);
        // 23 hours, of which 3 are left.
        _secret.Put(_authority.Issue(["silo.dpattn"], ThrowawayAuthority.SiloUses, TimeSpan.FromHours(-20), TimeSpan.FromHours(3)), _authority.Pem);
        using (new LinkCertificateSource(_files, LinkRole.Silo, lines, TimeSpan.FromMilliseconds(20)))
        {
            await UntilAsync(() => !lines.All.IsEmpty);
            await Task.Delay(500);
        }
        var line = Assert.Single(lines.All);
        Assert.Equal(LogLevel.Warning, line.Level);
        Assert.Contains("no newer one is there", line.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chain_over_an_authority_between_is_good_if_it_is_sent_or_known()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var betweenKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Authority("root", rootKey).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9));
        using var between = Authority("between", betweenKey).Create(root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(8), [1]).CopyWithPrivateKey(betweenKey);
        var request = new CertificateRequest("CN=leaf", leafKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("front.dpattn");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ThrowawayAuthority.FrontUses[0])], false));
        using var leaf = request.Create(between, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(7), [2]);
        var own = SecretDirectory.Silo(_authority);

        LinkCertificates Trusting(string authorities) => LinkCertificates.Of(_files, new LinkBytes(own.Certificate, own.Key, $"{_authority.Pem}\n{authorities}"), LinkRole.Silo);
        var byRoot = Trusting(root.ExportCertificatePem());
        Assert.Null(byRoot.Fault(leaf, [between], LinkRole.Front, asServer: false));
        Assert.Equal("it is of another authority", byRoot.Fault(leaf, [], LinkRole.Front, asServer: false));
        Assert.Null(Trusting($"{root.ExportCertificatePem()}\n{between.ExportCertificatePem()}").Fault(leaf, [], LinkRole.Front, asServer: false));
        // Who is between is sent by others, so it does not make itself trusted.
        Assert.Equal("it is of another authority", Trusting("").Fault(leaf, [between, root], LinkRole.Front, asServer: false));

        static CertificateRequest Authority(string name, ECDsa key)
        {
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            return request;
        }
    }

    [Fact]
    public void A_certificate_that_a_front_has_signed_itself_is_nobodys()
    {
        var front = SecretDirectory.Front(_authority);
        using var signer = X509Certificate2.CreateFromPem(front.Certificate, front.Key);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=silo", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("silo.dpattn");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. ThrowawayAuthority.SiloUses.Select(use => new Oid(use))], false));
        using var forged = request.Create(signer.SubjectName, X509SignatureGenerator.CreateForECDsa(signer.GetECDsaPrivateKey()!), DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), [3]);
        var certificates = LinkCertificates.Of(_files, LinkBytes.Read(_files), LinkRole.Silo);
        Assert.NotNull(certificates.Fault(forged, [signer], LinkRole.Silo, asServer: false));
        using var genuine = X509Certificate2.CreateFromPem(SecretDirectory.Silo(_authority).Certificate);
        Assert.Null(certificates.Fault(genuine, [], LinkRole.Silo, asServer: false));
    }

    [Theory]
    [InlineData("10.0.0.1", false)]
    [InlineData("127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData(null, false)]
    public async Task Without_certificates_only_this_machine_is_connected_to(string? address, bool isGood)
    {
        var lines = new Lines();
        using var links = new ClusterLinks(LinkProtection.Loopback, null, LinkRole.Front, lines);
        using var everywhere = new ClusterLinks(LinkProtection.None, null, LinkRole.Front, lines);
        Assert.Equal(isGood, await IsLetAsync(links));
        Assert.True(await IsLetAsync(everywhere));
        Assert.Equal(isGood ? 0 : 1, lines.All.Count);

        async Task<bool> IsLetAsync(ClusterLinks by)
        {
            var isReached = false;
            var builder = new ConnectionBuilder(null!);
            by.Connect(builder);
            builder.Run(_ =>
            {
                isReached = true;
                return Task.CompletedTask;
            });
            var connection = new DefaultConnectionContext { Transport = new Pipes(), RemoteEndPoint = address is null ? null : new IPEndPoint(IPAddress.Parse(address), 1) };
            try
            {
                await builder.Build()(connection);
            }
            catch (ConnectionAbortedException)
            {
                await UntilAsync(() => connection.ConnectionClosed.IsCancellationRequested);
            }
            return isReached;
        }
    }

    [Fact]
    public void Places_are_bounded_by_address_and_in_all_and_are_given_back()
    {
        var places = new HandshakePlaces(most: 3, mostOfOne: 2);
        EndPoint From(int host) => new IPEndPoint(new IPAddress([10, 0, 0, (byte)host]), 1);
        var first = places.Take(From(1));
        Assert.NotNull(first);
        Assert.NotNull(places.Take(From(1)));
        Assert.Null(places.Take(From(1)));
        var third = places.Take(From(2));
        Assert.NotNull(third);
        Assert.Null(places.Take(From(3)));
        third.Dispose();
        Assert.Null(places.Take(From(1)));
        first.Dispose();
        Assert.NotNull(places.Take(From(1)));
        Assert.NotNull(places.Take(From(3)));
    }

    /// <summary>Who has one address of an IPv6 network has all of it, and an IPv4 address is one in either form.</summary>
    [Theory]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", false)]
    [InlineData("fe80::1%1", "fe80::2%2", true)]
    [InlineData("10.0.0.1", "::ffff:10.0.0.1", true)]
    [InlineData("::ffff:10.0.0.1", "::ffff:10.0.0.2", false)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    public void Places_are_counted_by_who_has_the_address(string one, string two, bool isOne)
    {
        var places = new HandshakePlaces(most: 9, mostOfOne: 1);
        var first = places.Take(new IPEndPoint(IPAddress.Parse(one), 1));
        Assert.NotNull(first);
        Assert.Equal(isOne, places.Take(new IPEndPoint(IPAddress.Parse(two), 2)) is null);
        first.Dispose();
        Assert.NotNull(places.Take(new IPEndPoint(IPAddress.Parse(one), 3)));
    }

    [Fact]
    public void What_others_cause_at_will_is_told_now_and_then_with_how_often_it_was_not()
    {
        var always = new Occasional(TimeSpan.Zero);
        var seldom = new Occasional(TimeSpan.FromHours(1));
        Assert.True(always.IsTime(out _) && always.IsTime(out var none) && none == 0);
        Assert.True(seldom.IsTime(out _));
        Assert.False(seldom.IsTime(out _));
        Assert.False(seldom.IsTime(out var untold));
        Assert.Equal(1, untold);
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (var i = 0; !isSo(); i++)
        {
            Assert.True(i < 200, "it does not come to be so");
            await Task.Delay(50);
        }
    }

    private sealed class Pipes : IDuplexPipe
    {
        public PipeReader Input { get; } = new Pipe().Reader;

        public PipeWriter Output { get; } = new Pipe().Writer;
    }
}
