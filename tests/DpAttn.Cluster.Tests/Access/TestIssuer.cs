using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Tokens;

namespace DpAttn.Cluster.Tests.Access;

/// <summary>An issuer of tokens whose documents are read without a network.</summary>
internal sealed class TestIssuer : IDocumentRetriever, IDisposable
{
    public const string Authority = "https://issuer.example.org/realm";
    public const string Audience = "dpattn";

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };
    private readonly List<RSA> _keys = [RSA.Create(2048)];
    private readonly ECDsa _ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestIssuer() => (Rsa, Ec) = (new RsaSecurityKey(_keys[0]) { KeyId = "rsa-1" }, new ECDsaSecurityKey(_ec) { KeyId = "ec-1" });

    public RsaSecurityKey Rsa { get; private set; }

    public ECDsaSecurityKey Ec { get; }

    /// <summary>The key in the form that RFC 8725 warns of: its PEM, for use as a shared secret.</summary>
    public byte[] PublicPem => Encoding.ASCII.GetBytes(_keys[^1].ExportSubjectPublicKeyInfoPem());

    /// <summary>Whether its documents can be read.</summary>
    public bool IsDown { get; set; }

    public int Reads { get; private set; }

    /// <summary>Signs and publishes with another RSA key from now on.</summary>
    public void Rotate()
    {
        _keys.Add(RSA.Create(2048));
        Rsa = new RsaSecurityKey(_keys[^1]) { KeyId = $"rsa-{_keys.Count}" };
    }

    public Task<string> GetDocumentAsync(string address, CancellationToken cancel)
    {
        Reads++;
        if (IsDown)
            throw new IOException("the issuer is down");
        return Task.FromResult(address switch
        {
            Authority + "/.well-known/openid-configuration" => JsonSerializer.Serialize(new { issuer = Authority, jwks_uri = Authority + "/keys" }),
            Authority + "/keys" => JsonSerializer.Serialize(new { keys = new[] { Public(JsonWebKeyConverter.ConvertFromRSASecurityKey(Rsa)), Public(JsonWebKeyConverter.ConvertFromECDsaSecurityKey(Ec)) } }),
            _ => throw new IOException($"there is nothing at {address}"),
        });
    }

    /// <summary>A token.</summary>
    public string Token(
        DateTimeOffset now, string subject = "ada", object? roles = null, string? issuer = Authority, string? audience = Audience, TimeSpan? from = null, TimeSpan? to = null, SigningCredentials? with = null,
        string? type = "at+jwt", bool hasEnd = true, string? claims = null)
    {
        var payload = new Dictionary<string, object?> { ["sub"] = subject, ["iss"] = issuer, ["aud"] = audience, ["roles"] = roles ?? (string[])["dpattn-user"] };
        payload["nbf"] = (now + (from ?? TimeSpan.Zero)).ToUnixTimeSeconds();
        if (hasEnd)
            payload["exp"] = (now + (to ?? TimeSpan.FromMinutes(5))).ToUnixTimeSeconds();
        with ??= new SigningCredentials(Rsa, SecurityAlgorithms.RsaSha256);
        return _handler.CreateToken(claims ?? JsonSerializer.Serialize(payload), with, new Dictionary<string, object> { ["typ"] = type ?? "JWT" });
    }

    /// <summary>A token as whoever has no key can make it.</summary>
    public static string Unsigned(string header, string payload, string signature = "") => $"{Encode(header)}.{Encode(payload)}.{signature}";

    public static string Encode(string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    public void Dispose()
    {
        _keys.ForEach(key => key.Dispose());
        _ec.Dispose();
    }

    private static Dictionary<string, string> Public(JsonWebKey key)
    {
        var fields = new Dictionary<string, string> { ["kty"] = key.Kty, ["kid"] = key.Kid, ["use"] = "sig" };
        foreach (var (name, value) in new[] { ("n", key.N), ("e", key.E), ("crv", key.Crv), ("x", key.X), ("y", key.Y) })
        {
            if (value is not null)
                fields[name] = value;
        }
        return fields;
    }
}
