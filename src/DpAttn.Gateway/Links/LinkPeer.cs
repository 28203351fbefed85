using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DpAttn.Gateway;

/// <summary>Who is at the other end of a connection.</summary>
/// <param name="role">What it has to be.</param>
/// <param name="asServer">Whether it was connected to.</param>
internal sealed class LinkPeer(LinkRole role, bool asServer)
{
    private X509Certificate2? _certificate;
    private X509Certificate2Collection _sent = [];
    private LinkCertificates? _checkedBy;
    private DateTime _end;

    /// <summary>What was wrong with it when it was last looked at.</summary>
    public string? Fault { get; private set; } = "it speaks no TLS that is spoken here, or does not take the certificate of this process";

    /// <summary>Takes what it shows.</summary>
    /// <returns>Whether it is what it has to be.</returns>
    public bool Show(X509Certificate? certificate, X509Chain? chain, LinkCertificates certificates)
    {
        if (certificate is null)
        {
            Fault = "it shows no certificate";
            return false;
        }
        // Both belong to the handshake, and are gone after it.
        _certificate = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        _sent = [.. chain?.ChainElements.Skip(1).Select(element => X509CertificateLoader.LoadCertificate(element.Certificate.RawData)) ?? []];
        _end = _sent.Append(_certificate).Min(one => one.NotAfter);
        return IsGood(certificates);
    }

    /// <summary>Whether it is what it has to be, at this time and by these authorities.</summary>
    public bool IsGood(LinkCertificates certificates)
    {
        if (_certificate is null)
            return false;
        if (_checkedBy != certificates || DateTime.Now > _end)
            (Fault, _checkedBy) = (FaultOf(_certificate, certificates), certificates);
        return Fault is null;
    }

    private string? FaultOf(X509Certificate2 certificate, LinkCertificates certificates)
    {
        try
        {
            return certificates.Fault(certificate, _sent, role, asServer);
        }
        catch (CryptographicException)
        {
            // Of one that nobody can make sense of nothing is good, and the others are looked at all the same.
            return "it cannot be checked";
        }
    }
}
