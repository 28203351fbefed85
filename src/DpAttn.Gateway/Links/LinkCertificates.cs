using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DpAttn.Gateway;

/// <summary>
/// The certificates of one process: its own, and those of the authority, which alone is trusted. A certificate is good for a role if it leads to the authority, is within its time, has the role's DNS name among its
/// alternative names, letter for letter, and states the use that is made of it. No revocation list is asked.
/// </summary>
internal sealed class LinkCertificates
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1", ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly LinkFiles _files;
    private readonly X509Certificate2Collection _roots = [], _between = [];

    private LinkCertificates(LinkFiles files, LinkBytes bytes, LinkRole own)
    {
        _files = files;
        var chain = Certificates(nameof(files.Certificate), bytes.Certificate);
        foreach (var certificate in Certificates(nameof(files.Authority), bytes.Authority))
        {
            if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
                throw new LinkFaultException(new(nameof(files.Authority), "it has a certificate that is no authority's"));
            (certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData) ? _roots : _between).Add(certificate);
        }
        if (_roots.Count == 0)
            throw new LinkFaultException(new(nameof(files.Authority), "it has no certificate that an authority has signed for itself, where chains could end"));
        Leaf = WithKey(bytes);
        X509Certificate2Collection sent = [.. chain.Skip(1)];
        foreach (var asServer in own == LinkRole.Silo ? (bool[])[true, false] : [false])
        {
            if (Fault(Leaf, sent, own, asServer) is { } fault)
                throw new LinkFaultException(new(nameof(files.Certificate), fault));
        }
        Own = SslStreamCertificateContext.Create(Leaf, sent, offline: true);
    }

    /// <summary>This process's certificate with its key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>What this process shows to others.</summary>
    public SslStreamCertificateContext Own { get; }

    /// <summary>Takes certificates, if they can be used.</summary>
    /// <param name="files">Names of roles, and where the certificates come from.</param>
    /// <param name="bytes">What stands in the files.</param>
    /// <param name="own">What this process is.</param>
    /// <exception cref="LinkFaultException">They are none, do not belong together, are not of the authority, are for another role, or not within their time.</exception>
    public static LinkCertificates Of(LinkFiles files, LinkBytes bytes, LinkRole own) => new(files, bytes, own);

    /// <summary>How a chain is built: up to the authority, from what is at hand.</summary>
    public X509ChainPolicy Policy(bool asServer)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(_roots);
        policy.ExtraStore.AddRange(_between);
        policy.ApplicationPolicy.Add(new Oid(asServer ? ServerUse : ClientUse));
        return policy;
    }

    /// <summary>What is wrong with a certificate for a role; null if nothing.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="sent">What came with it.</param>
    /// <param name="role">What its holder is to be.</param>
    /// <param name="asServer">Whether its holder was connected to.</param>
    public string? Fault(X509Certificate2 certificate, X509Certificate2Collection sent, LinkRole role, bool asServer)
    {
        using var chain = new X509Chain { ChainPolicy = Policy(asServer) };
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        var isGood = chain.Build(certificate);
        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        var now = DateTime.Now;
        if ((status & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.NotSignatureValid)) != 0)
            return "it is of another authority";
        if (now > certificate.NotAfter)
            return "it has expired";
        if (now < certificate.NotBefore)
            return "it is not valid yet";
        if (!certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(uses => uses.EnhancedKeyUsages.Cast<Oid>()).Any(use => use.Value == (asServer ? ServerUse : ClientUse)))
            return $"it is not for {(asServer ? "server" : "client")} authentication (extended key usage)";
        if (!certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateDnsNames()).Contains(_files.NameOf(role), StringComparer.OrdinalIgnoreCase))
            return $"it has not the DNS name '{_files.NameOf(role)}' of a {(role == LinkRole.Silo ? "silo" : "front")}";
        return isGood ? null : $"it is not valid ({status})";
    }

    private static X509Certificate2Collection Certificates(string setting, string pem)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            throw new LinkFaultException(new(setting, "it has a certificate that cannot be read"));
        }
        return certificates.Count > 0 ? certificates : throw new LinkFaultException(new(setting, "it has no PEM certificate"));
    }

    private X509Certificate2 WithKey(LinkBytes bytes)
    {
        try
        {
            return X509Certificate2.CreateFromPem(bytes.Certificate, bytes.Key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new LinkFaultException(new(_files.Key.Length == 0 ? nameof(_files.Certificate) : nameof(_files.Key), "it has not the PEM key, unencrypted, of the first certificate"));
        }
    }
}
