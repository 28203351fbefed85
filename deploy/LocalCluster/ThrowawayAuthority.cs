using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DpAttn.LocalCluster;

/// <summary>An authority that signs the certificates of one cluster, and whose key is gone with it: it is in no file.</summary>
internal sealed class ThrowawayAuthority : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1", ClientUse = "1.3.6.1.5.5.7.3.2";

    /// <summary>What a silo's certificate is for: silos are connected to, and connect to each other.</summary>
    public static readonly string[] SiloUses = [ServerUse, ClientUse];

    /// <summary>What a front's certificate is for.</summary>
    public static readonly string[] FrontUses = [ClientUse];
    private readonly X509Certificate2 _certificate;

    public ThrowawayAuthority(string name = "throwaway")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    /// <summary>The authority's certificate as PEM.</summary>
    public string Pem => _certificate.ExportCertificatePem();

    /// <summary>Signs a certificate.</summary>
    /// <param name="names">Its DNS names.</param>
    /// <param name="uses">Its extended key usages; none for no such extension.</param>
    /// <param name="from">When it begins, from now.</param>
    /// <param name="to">When it ends, from now.</param>
    /// <returns>The certificate and its key, both as PEM.</returns>
    public (string Certificate, string Key) Issue(IEnumerable<string> names, IReadOnlyCollection<string> uses, TimeSpan? from = null, TimeSpan? to = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=dpattn", key, HashAlgorithmName.SHA256);
        var dns = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
            dns.AddDnsName(name);
        request.CertificateExtensions.Add(dns.Build());
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        if (uses.Count > 0)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. uses.Select(use => new Oid(use))], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var now = DateTimeOffset.UtcNow;
        using var certificate = request.Create(_certificate, now + (from ?? TimeSpan.FromHours(-1)), now + (to ?? TimeSpan.FromDays(30)), RandomNumberGenerator.GetBytes(16));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Signs a certificate, and writes it, its key and the authority's into a directory as <c>tls.crt</c>, <c>tls.key</c> and <c>ca.crt</c>, as mounted secrets are called. The key is for its owner alone; who may read the rest is the directory's to say.</summary>
    public DirectoryInfo Write(string directory, IEnumerable<string> names, IReadOnlyCollection<string> uses)
    {
        var into = Directory.CreateDirectory(directory);
        var (certificate, key) = Issue(names, uses);
        File.WriteAllText(Path.Combine(directory, "tls.crt"), certificate);
        File.WriteAllText(Path.Combine(directory, "tls.key"), key);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path.Combine(directory, "tls.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(Path.Combine(directory, "ca.crt"), Pem);
        return into;
    }

    public void Dispose() => _certificate.Dispose();
}
